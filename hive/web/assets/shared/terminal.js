// @ts-check
/**
 * A log that sticks to its end, counts what arrives while one reads above, and fetches older rows
 * when one scrolls up to them.
 *
 * Frames are drawn at most once per animation frame, however fast they arrive.
 */

import { el, setText } from "./dom.js";
import { LogWindow } from "./log_window.js";

/** @typedef {import("./wire.js").Frame} Frame */
/**
 * @typedef {{
 *   name: string, draw: (frame: Frame) => HTMLElement | null, empty: Node, cap?: number,
 *   newest?: () => Promise<Frame[]>, older?: (before: number) => Promise<Frame[]>,
 *   failed?: (error: unknown) => void
 * }} TerminalOptions
 */

const STICKY_PX = 48;
const OLDER_PX = 400;

export class Terminal {
  /** @param {TerminalOptions} options */
  constructor(options) {
    this._options = options;
    this._window = new LogWindow(options.cap ?? 1000);
    /** @type {Map<number, HTMLElement>} */
    this._rows = new Map();
    /** @type {Frame[]} */
    this._queue = [];
    this._isScheduled = false;
    this._isLoading = false;
    this._reachedStart = options.older === undefined;
    this._unseen = 0;
    this._sticky = true;
    this._lastTop = 0;
    this.log = el("div", { class: "log", role: "log", tabindex: "0", "aria-label": options.name });
    this._empty = el("div", { class: "log-empty" }, options.empty);
    this._pill = el("button", { type: "button", class: "pill", hidden: true });
    this.root = el("div", { class: "terminal panel" }, this.log, this._pill);
    this.log.append(this._empty);
    this._pill.addEventListener("click", () => void this.toEnd());
    this.log.addEventListener("scroll", () => this._scrolled(), { passive: true });
    new ResizeObserver(() => this._sticky && this._jump()).observe(this.log);
  }

  /** @param {Frame} frame a live one */
  push(frame) {
    this._queue.push(frame);
    // A hidden tab draws nothing: keep no more than the window would show.
    if (this._queue.length > 2 * this._window.cap) this._queue.splice(0, this._window.cap);
    if (this._isScheduled) return;
    this._isScheduled = true;
    requestAnimationFrame(() => this._flush());
  }

  /** @param {Frame[]} frames the newest part of the history, oldest first */
  take(frames) {
    this._flush();
    const bySeq = new Map(frames.map((frame) => [frame.seq, frame]));
    const { restart, fresh } = this._window.take([...bySeq.keys()]);
    if (restart) this._wipe();
    if (restart) this._reachedStart = this._options.older === undefined;
    this._append(fresh.map((seq) => /** @type {Frame} */ (bySeq.get(seq))));
    if (restart) this._jump();
    this._fill();
  }

  /** Wipe the view only; the history stays on the server and a reload shows it again. */
  clear() {
    this._flush();
    this._window.clear();
    this._wipe();
    this._reachedStart = true;
  }

  /** @param {HTMLElement} row shown at the end, part of no history */
  local(row) {
    this._flush();
    this._empty.hidden = true;
    this.log.append(row);
    this._jump();
  }

  async toEnd() {
    this._unseen = 0;
    if (this._window.detached && this._options.newest) {
      await this._guarded(async () => this.take(await /** @type {any} */ (this._options).newest()));
    }
    this._jump();
    this.log.focus({ preventScroll: true });
  }

  /** @param {number} seq @returns {HTMLElement | undefined} */
  rowOf(seq) {
    return this._rows.get(seq);
  }

  _flush() {
    this._isScheduled = false;
    const frames = this._queue.filter((frame) => this._window.admit(frame.seq));
    const arrived = this._window.detached ? this._queue.length : frames.length;
    this._queue = [];
    const isSticky = this._sticky;
    if (frames.length > 0) this._append(frames);
    if (isSticky && !this._window.detached) this._jump();
    else this._unseen += arrived;
    this._showPill();
  }

  /** @param {Frame[]} frames */
  _append(frames) {
    const batch = document.createDocumentFragment();
    for (const frame of frames) batch.append(this._draw(frame));
    this.log.append(batch);
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
      row.remove();
      this._rows.delete(seq);
    }
    if (which === "oldest") this._reachedStart = this._options.older === undefined;
  }

  _wipe() {
    this._rows.clear();
    this.log.replaceChildren(this._empty);
    this._empty.hidden = false;
    this._unseen = 0;
    this._sticky = true;
    this._showPill();
  }

  _scrolled() {
    const below = this.log.scrollHeight - this.log.scrollTop - this.log.clientHeight;
    // Only a reader moves up; a pane that shrank or a row that grew leaves the position as it is.
    const wentUp = this.log.scrollTop < this._lastTop;
    this._lastTop = this.log.scrollTop;
    this._sticky = !this._window.detached && (below <= STICKY_PX || (this._sticky && !wentUp));
    if (this._sticky) this._unseen = 0;
    this._showPill();
    if (this.log.scrollTop < OLDER_PX) void this._loadOlder();
  }

  /** A short first page would leave nothing to scroll by. */
  _fill() {
    if (this.log.scrollHeight <= this.log.clientHeight + OLDER_PX) void this._loadOlder();
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
    const before = this.log.scrollHeight;
    const batch = document.createDocumentFragment();
    for (const seq of fresh) batch.append(this._draw(/** @type {Frame} */ (bySeq.get(seq))));
    this._empty.after(batch);
    this.log.scrollTop += this.log.scrollHeight - before;
    this._lastTop = this.log.scrollTop;
    this._drop(this._window.trimNewest(), "newest");
    this._showPill();
  }

  /** @param {() => Promise<void>} work */
  async _guarded(work) {
    try {
      await work();
    } catch (error) {
      this._options.failed?.(error);
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
    const isShown = this._window.detached || (!this._sticky && this._unseen > 0);
    this._pill.hidden = !isShown;
    setText(this._pill, this._unseen > 0 ? `↓ ${this._unseen} new` : "↓ to the newest");
  }
}
