// @ts-check
/**
 * Which part of a long log is in the document. Pure: knows numbers, not elements.
 *
 * The window keeps at most about `cap` frames while the newest are read; whoever scrolls up gets
 * older ones and, past twice the cap, the newest leave. Then the window is `detached`: live
 * frames are only counted until the reader comes back to the end.
 */

export class LogWindow {
  /** @param {number} cap */
  constructor(cap) {
    this.cap = cap;
    /** @type {number[]} numbers shown, rising */
    this.shown = [];
    this.detached = false;
    this.missed = 0;
    /** The newest number ever seen, shown or not. */
    this.newest = -1;
  }

  /** @param {number} seq of a live frame @returns {boolean} whether it goes to the end now */
  admit(seq) {
    if (seq <= this.newest) return false;
    this.newest = seq;
    if (this.detached) {
      this.missed += 1;
      return false;
    }
    this.shown.push(seq);
    return true;
  }

  /** @param {number} seq of a live frame that came late @returns {number | null} before which it goes */
  insert(seq) {
    const at = this.shown.findIndex((one) => one >= seq);
    if (at < 0 || this.shown[at] === seq || (at === 0 && this.shown.length >= this.cap)) return null;
    this.shown.splice(at, 0, seq);
    return this.shown[at + 1];
  }

  /**
   * @param {readonly number[]} seqs the newest part of the history, rising
   * @returns {{restart: boolean, fresh: number[]}} `restart`: what is shown must be cleared first,
   *   because between it and the history something is missing
   */
  take(seqs) {
    const joins = !this.detached && this.joins(seqs[0] ?? Infinity);
    if (!joins) {
      this.clear();
      this.newest = -1;
    }
    const fresh = seqs.filter((seq) => this.admit(seq));
    return { restart: !joins, fresh };
  }

  /** @param {number} first of the newest part of the history @returns {boolean} whether nothing is missing before it */
  joins(first) {
    return this.shown.length > 0 && first <= this.newest;
  }

  /** @param {readonly number[]} seqs older ones @returns {number[]} those to put before the rest */
  prepend(seqs) {
    const oldest = this.shown[0] ?? Infinity;
    const fresh = seqs.filter((seq) => seq < oldest);
    this.shown.unshift(...fresh);
    if (this.newest < 0 && fresh.length > 0) this.newest = fresh[fresh.length - 1];
    return fresh;
  }

  /** @param {number} seq of the newest there is; none of what is newer than the rest is shown */
  saw(seq) {
    this.newest = Math.max(this.newest, seq);
    this.detached = this.newest > (this.shown[this.shown.length - 1] ?? -1);
  }

  /**
   * Show a part of the history instead, as somebody who looks for one row of it wants.
   * @param {readonly number[]} seqs rising
   */
  show(seqs) {
    this.shown = [...seqs];
    this.missed = 0;
    this._join();
  }

  /** @param {readonly number[]} seqs behind those shown, rising @returns {number[]} those to put behind the rest */
  append(seqs) {
    const last = this.shown[this.shown.length - 1] ?? -1;
    const fresh = seqs.filter((seq) => seq > last);
    this.shown.push(...fresh);
    this._join();
    return fresh;
  }

  _join() {
    const last = this.shown[this.shown.length - 1] ?? -1;
    this.detached = last < this.newest;
    if (!this.detached) this.newest = last;
  }

  /** @returns {number} how many of the oldest to remove, in batches so that it is seldom done */
  trimOldest() {
    const batch = Math.max(1, Math.floor(this.cap / 10));
    if (this.shown.length <= this.cap + batch) return 0;
    const surplus = this.shown.length - this.cap;
    this.shown.splice(0, surplus);
    return surplus;
  }

  /** @returns {number} how many of the newest to remove after older ones were read */
  trimNewest() {
    if (this.shown.length <= 2 * this.cap) return 0;
    const surplus = this.shown.length - this.cap;
    this.shown.length = this.cap;
    this.detached = true;
    return surplus;
  }

  /** Forget what is shown; numbers seen before still count as seen. */
  clear() {
    this.shown = [];
    this.detached = false;
    this.missed = 0;
  }
}
