// @ts-check
/**
 * A log that sticks to its end, counts what arrives while one reads above or has marked a text, and
 * fetches older and newer rows when one scrolls up or down to where they are missing.
 *
 * Frames are drawn at most once per animation frame, however fast they arrive. `hold` stops the
 * drawing until it is let go. What is not finished yet stands in `tail`, behind every row.
 */

import { el, setAttr, setText } from "./dom.js";
import { LogWindow } from "./log_window.js";

/** @typedef {import("./wire.js").Frame} Frame */
/**
 * @typedef {{
 *   name: string, draw: (frame: Frame) => HTMLElement | null, empty: Node, cap?: number,
 *   newest?: () => Promise<Frame[]>, older?: (before: number) => Promise<Frame[]>,
 *   newer?: (after: number) => Promise<Frame[]>, failed?: (error: unknown) => void,
 *   where?: (row: Element) => HTMLElement | undefined, isUnordered?: boolean
 * }} TerminalOptions
 */

const STICKY_PX = 48;
const NEAR_PX = 1200;
const QUIET_MS = 800;

export class Terminal {
  /** @param {TerminalOptions} options */
  constructor(options) {
    this._options = options;
    this._window = new LogWindow(options.cap ?? 600);
    /** @type {Map<number, HTMLElement>} */
    this._rows = new Map();
    /** @type {Frame[]} */
    this._queue = [];
    this._isScheduled = false;
    this._hasGap = false;
    this._isCatchingUp = false;
    this._isLoading = false;
    this._isHeld = false;
    this._reachedStart = options.older === undefined;
    this._unseen = 0;
    this._sticky = true;
    this._lastTop = 0;
    this._quiet = 0;
    /** @type {(isHeld: boolean) => void} */
    this.onHold = () => undefined;
    this.log = el("div", { class: "log", role: "log", tabindex: "0", "aria-label": options.name });
    this._empty = el("div", { class: "log-empty" }, options.empty);
    this.tail = el("div", { class: "log-tail", "aria-hidden": "true" });
    this._pill = el("button", { type: "button", class: "pill", hidden: true });
    this.root = el("div", { class: "terminal panel" }, el("div", { class: "log-box" }, this.log, this._pill));
    this.log.append(this._empty, this.tail);
    this._pill.addEventListener("click", () => void this.toEnd());
    this.log.addEventListener("scroll", () => this._scrolled(), { passive: true });
    let wasSeen = false;
    new ResizeObserver(() => {
      if (this._sticky) this._jump();
      // On a tab that was not shown nothing could be filled.
      if (!wasSeen) this._fill();
      wasSeen = this.log.clientHeight > 0;
    }).observe(this.log);
  }

  /** @param {Frame} frame a live one */
  push(frame) {
    this._queue.push(frame);
    // A hidden or held page draws nothing: past what the window would show, it asks again later.
    if (this._queue.length > 2 * this._window.cap) {
      this._unseen += this._queue.length;
      this._queue = [];
      this._hasGap = true;
    }
    this._later();
  }

  /** Draw with the next animation frame: looking at the layout more often costs more than it shows. */
  _later() {
    if (this._isScheduled) return;
    this._isScheduled = true;
    requestAnimationFrame(() => this._flush());
  }

  /** @param {Frame[]} frames the newest part of the history, oldest first */
  take(frames) {
    this._flush();
    const bySeq = new Map(frames.map((frame) => [frame.seq, frame]));
    const { restart, fresh } = this._window.take([...bySeq.keys()]);
    if (restart) this._quietly();
    if (restart) this._wipe();
    this._append(fresh.map((seq) => /** @type {Frame} */ (bySeq.get(seq))));
    // What was overtaken by a newer one before the stream broke.
    for (const [seq, frame] of bySeq) if (!this._rows.has(seq)) this._insert(frame);
    if (restart) this._jump();
    this._fill();
  }

  /** A history that was read anew: whoever reads an older part of it is left there. @param {Frame[]} frames */
  offer(frames) {
    const last = frames[frames.length - 1]?.seq ?? -1;
    const isReading = !this._sticky && this._rows.size > 0;
    if (this._window.detached || (isReading && !this._window.joins(frames[0]?.seq ?? -1))) this._window.saw(last);
    else this.take(frames);
    this._showPill();
  }

  /** Whether the newest rows are not among those shown. */
  get isDetached() {
    return this._window.detached;
  }

  /** Other rows are wanted of the history: begin anew with the newest of them. */
  async begin() {
    this._queue = [];
    this._hasGap = false;
    this._window.clear();
    this._wipe();
    await this._takeNewest();
  }

  _takeNewest() {
    const { newest } = this._options;
    return this._guarded(async () => newest && this.take(await newest()));
  }

  /** Wipe the view only; the history stays on the server and a reload shows it again. */
  clear() {
    this._flush();
    this._window.clear();
    this._wipe();
    this._reachedStart = true;
  }

  /** What is read of the history is shown, and not read out as if it were news. */
  _quietly() {
    clearTimeout(this._quiet);
    this._quiet = window.setTimeout(() => {
      this._quiet = 0;
      this._setLive();
    }, QUIET_MS);
    this._setLive();
  }

  _setLive() {
    setAttr(this.log, "aria-live", this._isHeld || this._quiet ? "off" : "polite");
  }

  /** @param {HTMLElement} row shown at the end, part of no history */
  local(row) {
    this._flush();
    this._empty.hidden = true;
    this.tail.before(row);
    this._jump();
  }

  /** What stands in `tail` has changed. */
  grew() {
    this._empty.hidden = this._rows.size > 0 || this.tail.firstChild !== null;
    this._later();
  }

  /** @param {boolean} isHeld draw nothing new, and say nothing, until it is let go */
  hold(isHeld) {
    if (isHeld) this._flush();
    this._isHeld = isHeld;
    this.onHold(isHeld);
    this._setLive();
    this.tail.hidden = isHeld;
    if (!isHeld) this._flush();
    this._showPill();
  }

  async toEnd() {
    if (this._isHeld) this.hold(false);
    if (this._hasMarked()) document.getSelection()?.removeAllRanges();
    this._unseen = 0;
    if (this._window.detached) await this._takeNewest();
    this._jump();
    this.log.focus({ preventScroll: true });
  }

  /**
   * Bring one row into sight, fetching what is around it.
   * @param {number} seq @returns {Promise<HTMLElement | null>} null when the history has none
   */
  async goTo(seq) {
    if (!this._rows.has(seq)) await this._guarded(() => this._show(seq));
    const drawn = this._rows.get(seq);
    const row = drawn?.hidden ? this._options.where?.(drawn) : drawn;
    if (!row?.isConnected) return null;
    this._sticky = false;
    row.scrollIntoView({ block: "center" });
    this._lastTop = this.log.scrollTop;
    this._showPill();
    return row;
  }

  /** @param {number} seq */
  async _show(seq) {
    const { older, newer } = this._options;
    if (!older || !newer) return;
    const [above, below] = await Promise.all([older(seq + 1), newer(seq)]);
    if (above[above.length - 1]?.seq !== seq) return;
    this._flush();
    this._wipe();
    const bySeq = new Map([...above, ...below].map((frame) => [frame.seq, frame]));
    this._quietly();
    this._window.show([...bySeq.keys()]);
    this._sticky = false;
    this._append([...bySeq.values()]);
  }

  _flush() {
    this._isScheduled = false;
    if (this._isHeld || this._isCatchingUp) return this._showPill();
    if (this._hasGap && !this._window.detached) return void this._catchUp();
    this._hasGap = false;
    if (this._options.isUnordered) this._queue.sort((one, other) => one.seq - other.seq);
    const frames = this._queue.filter((frame) => this._window.admit(frame.seq) || this._insert(frame));
    const arrived = this._window.detached ? this._queue.length : frames.length;
    this._queue = [];
    this._sticky &&= !this._hasMarked();
    const isSticky = this._sticky;
    if (frames.length > 0) this._append(frames);
    if (isSticky && !this._window.detached) this._jump();
    else this._unseen += arrived;
    this._showPill();
  }

  /** Frames were let go of undrawn: nothing is drawn behind them before the history is read. */
  async _catchUp() {
    this._isCatchingUp = true;
    this._hasGap = false;
    this._queue = [];
    const { newest } = this._options;
    const isRead = await this._guarded(async () => newest && this.offer(await newest()));
    this._isCatchingUp = false;
    this._hasGap ||= !isRead;
    if (isRead && this._queue.length > 0) this._later();
  }

  /** A frame that comes behind a newer one goes in front of it. @param {Frame} frame @returns {false} it is not to be appended */
  _insert(frame) {
    const next = this._options.isUnordered ? this._window.insert(frame.seq) : null;
    if (next !== null) this._rows.get(next)?.before(this._draw(frame));
    return false;
  }

  /** @param {Frame[]} frames */
  _append(frames) {
    const batch = document.createDocumentFragment();
    for (const frame of frames) batch.append(this._draw(frame));
    this.tail.before(batch);
    this._empty.hidden = this._rows.size > 0;
    if (this._sticky) this._drop(this._window.trimOldest(), "oldest");
  }

  /** @param {Frame} frame */
  _draw(frame) {
    const row = this._options.draw(frame) ?? el("div", { hidden: true });
    row.dataset.seq = String(frame.seq);
    this._rows.set(frame.seq, row);
    return row;
  }

  /** @param {number} howMany @param {"oldest" | "newest"} which */
  _drop(howMany, which) {
    if (howMany === 0) return;
    const rows = [...this._rows];
    rows.sort((a, b) => a[0] - b[0]);
    const gone = which === "oldest" ? rows.slice(0, howMany) : rows.slice(-howMany);
    for (const [seq, row] of gone) {
      if (row.contains(document.activeElement)) this.log.focus({ preventScroll: true });
      row.remove();
      this._rows.delete(seq);
    }
    if (which === "oldest") this._reachedStart = this._options.older === undefined;
  }

  _wipe() {
    this._rows.clear();
    this.log.replaceChildren(this._empty, this.tail);
    this._empty.hidden = false;
    this._reachedStart = this._options.older === undefined;
    this._unseen = 0;
    this._sticky = true;
    this._showPill();
  }

  _scrolled() {
    const below = this._below();
    // Only a reader moves up; a pane that shrank or a row that grew leaves the position as it is.
    const wentUp = this.log.scrollTop < this._lastTop;
    this._lastTop = this.log.scrollTop;
    this._sticky = !this._window.detached && (below <= STICKY_PX || (this._sticky && !wentUp));
    if (this._sticky) this._unseen = 0;
    this._showPill();
    if (this.log.scrollTop < NEAR_PX) void this._loadOlder();
    else if (below < NEAR_PX && this._window.detached) void this._loadNewer();
  }

  /** Whoever has marked a text copies it next: it stays under the mouse. */
  _hasMarked() {
    const marked = document.getSelection();
    return marked !== null && !marked.isCollapsed && this.log.contains(marked.anchorNode);
  }

  _below() {
    return this.log.scrollHeight - this.log.scrollTop - this.log.clientHeight;
  }

  /** A short first page would leave nothing to scroll by; out of sight nothing is short. */
  _fill() {
    if (this.log.clientHeight === 0) return;
    if (this.log.scrollHeight <= this.log.clientHeight + NEAR_PX) void this._loadOlder();
  }

  async _loadOlder() {
    const { older } = this._options;
    const oldest = this._window.shown[0];
    if (!older || this._isLoading || this._reachedStart || oldest === undefined) return;
    this._isLoading = true;
    await this._guarded(async () => {
      const frames = await older(oldest);
      if (this._window.shown[0] === oldest) this._prepend(frames);
    });
    this._isLoading = false;
  }

  /** @param {Frame[]} frames */
  _prepend(frames) {
    const bySeq = new Map(frames.map((frame) => [frame.seq, frame]));
    const fresh = this._window.prepend([...bySeq.keys()]);
    if (fresh.length === 0) this._reachedStart = true;
    this._quietly();
    const before = this.log.scrollHeight;
    const batch = document.createDocumentFragment();
    for (const seq of fresh) batch.append(this._draw(/** @type {Frame} */ (bySeq.get(seq))));
    this._empty.after(batch);
    this.log.scrollTop += this.log.scrollHeight - before;
    this._lastTop = this.log.scrollTop;
    this._drop(this._window.trimNewest(), "newest");
    this._showPill();
  }

  async _loadNewer() {
    const { newer } = this._options;
    const last = this._window.shown[this._window.shown.length - 1];
    if (!newer || this._isLoading || last === undefined) return;
    this._isLoading = true;
    await this._guarded(async () => {
      const frames = await newer(last);
      if (this._window.shown[this._window.shown.length - 1] === last) this._follow(frames);
    });
    this._isLoading = false;
  }

  /** @param {Frame[]} frames behind those shown */
  _follow(frames) {
    const bySeq = new Map(frames.map((frame) => [frame.seq, frame]));
    this._quietly();
    const fresh = this._window.append([...bySeq.keys()]);
    this._append(fresh.map((seq) => /** @type {Frame} */ (bySeq.get(seq))));
    const before = this.log.scrollHeight;
    this._drop(this._window.trimOldest(), "oldest");
    this.log.scrollTop -= before - this.log.scrollHeight;
    this._lastTop = this.log.scrollTop;
    if (!this._window.detached) this._unseen = 0;
    this._showPill();
  }

  /** @param {() => Promise<void>} work @returns {Promise<boolean>} whether it worked */
  async _guarded(work) {
    try {
      await work();
      return true;
    } catch (error) {
      this._options.failed?.(error);
      return false;
    }
  }

  _jump() {
    this.log.scrollTop = this.log.scrollHeight;
    this._lastTop = this.log.scrollTop;
    this._sticky = !this._window.detached;
    this._unseen = this._window.detached ? this._unseen : 0;
    this._showPill();
  }

  _showPill() {
    const unseen = this._unseen + (this._isHeld ? this._queue.length : 0);
    const isShown = this._window.detached || (!this._sticky && unseen > 0) || (this._isHeld && unseen > 0);
    this._pill.hidden = !isShown;
    this.tail.hidden = this._isHeld || this._window.detached;
    setText(this._pill, unseen > 0 ? `↓ ${unseen} new` : "↓ to the newest");
  }
}
