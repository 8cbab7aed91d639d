// @ts-check
/**
 * Which frames are news. Pure: no network, no document.
 *
 * A stream is joined first and its frames are held back; each snapshot then says up to which
 * number it speaks for its kinds, and only what is younger is let through. A source without
 * `kinds` speaks for all kinds no other source names, and for those in `also`: a history of
 * messages must not swallow a change of state that happened before it. A kind two sources speak
 * for is news as long as one of them lacks it, so applying it twice must do no harm.
 */

/** @typedef {import("./wire.js").Frame} Frame */

export class Gate {
  /** @param {readonly {kinds?: readonly string[], also?: readonly string[]}[]} sources */
  constructor(sources) {
    /** @type {Map<string, number[]>} */
    this._owners = new Map();
    this._rest = 0;
    sources.forEach((source, index) => {
      if (!source.kinds) this._rest = index;
      for (const kind of [...(source.kinds ?? []), ...(source.also ?? [])]) {
        this._owners.set(kind, [...(this._owners.get(kind) ?? []), index]);
      }
    });
    /** @type {number[]} */
    this._floors = sources.map(() => -1);
    /** @type {Frame[] | null} */
    this._held = [];
  }

  /** Hold frames back until the next `release`. */
  hold() {
    this._held ??= [];
  }

  /** @returns {boolean} */
  get holding() {
    return this._held !== null;
  }

  /**
   * @param {Frame} frame
   * @returns {boolean} whether to apply it now
   */
  admit(frame) {
    if (this._held) {
      this._held.push(frame);
      return false;
    }
    return this._isNews(frame);
  }

  /**
   * The snapshots are in: let go of what they did not contain.
   * @param {readonly number[]} seqs the number of each source, in the sources' order
   * @returns {Frame[]} frames to apply now, in order
   */
  release(seqs) {
    this._floors = [...seqs];
    const held = this._held ?? [];
    this._held = null;
    return held.filter((frame) => this._isNews(frame));
  }

  /** @param {Frame} frame */
  _isNews(frame) {
    const owners = this._owners.get(frame.kind) ?? [this._rest];
    if (owners.every((index) => frame.seq <= this._floors[index])) return false;
    for (const index of owners) this._floors[index] = Math.max(this._floors[index], frame.seq);
    return true;
  }
}
