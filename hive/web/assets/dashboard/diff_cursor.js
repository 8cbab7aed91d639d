// @ts-check
/** Going through a diff by keyboard, and the one button that begins a comment on a line. */

import { areKeysOff } from "../shared/commands.js";
import { el } from "../shared/dom.js";

const WRITING = "input, textarea, select";
const PLACES = ".dl.can, .dl.d-hunk";

export class DiffCursor {
  /**
   * @param {HTMLElement} body holds the lines
   * @param {{comment: (line: HTMLElement) => void, canComment: () => boolean, keys: Record<string, () => void>}} hooks
   */
  constructor(body, hooks) {
    this._body = body;
    this._hooks = hooks;
    this._plus = el("button", { type: "button", class: "plus", title: "Comment on this line (c)", "aria-label": "Comment on this line" }, "+");
    this._plus.addEventListener("click", () => {
      const line = /** @type {HTMLElement | null} */ (this._plus.closest(".dl.can"));
      if (line) hooks.comment(line);
    });
    body.addEventListener("pointerover", (event) => this._offer(lineAt(event.target)));
    body.addEventListener("click", (event) => this._clicked(event));
  }

  /** Where the reader is. @returns {HTMLElement | null} */
  get line() {
    const now = this._body.querySelector(".dl.now");
    return now instanceof HTMLElement ? now : null;
  }

  /** @param {HTMLElement} line becomes where the reader is */
  go(line) {
    this.line?.classList.remove("now");
    line.classList.add("now");
    this._offer(line);
    line.focus({ preventScroll: true });
    line.scrollIntoView({ block: "nearest" });
  }

  /** What of the panel's keys is meant. @param {KeyboardEvent} event */
  press(event) {
    const target = event.target;
    if (target instanceof Element && target.matches(WRITING)) return;
    if (event.ctrlKey || event.metaKey || event.altKey || event.isComposing) return;
    const isInside = target instanceof Node && this._body.contains(target);
    const isOwn = target instanceof HTMLElement && (target === this._body || target.matches(".dl"));
    if (event.key === "ArrowDown" && isInside && isOwn) this.step(1, PLACES);
    else if (event.key === "ArrowUp" && isInside && isOwn) this.step(-1, PLACES);
    else if (event.key === "Enter" && isOwn && this.line) this._comment();
    else if (areKeysOff()) return;
    else if (event.key === "j") this.step(1, ".dl.d-hunk");
    else if (event.key === "k") this.step(-1, ".dl.d-hunk");
    else if (event.key === "c") this._comment();
    else if (Object.hasOwn(this._hooks.keys, event.key)) this._hooks.keys[event.key]();
    else return;
    event.preventDefault();
  }

  /** @param {1 | -1} by @param {string} selector */
  step(by, selector) {
    const now = this.line;
    const side = now?.closest(".pair") ? now.dataset.side : null;
    const all = /** @type {HTMLElement[]} */ ([...this._body.querySelectorAll(selector)]).filter(
      (line) => line.checkVisibility() && (!side || !line.closest(".pair") || line.dataset.side === side),
    );
    if (all.length === 0) return;
    if (!now) return this.go(all[0]);
    const behind = all.filter((line) => Boolean(now.compareDocumentPosition(line) & (by > 0 ? 4 : 2)));
    const next = by > 0 ? behind[0] : behind[behind.length - 1];
    if (next) this.go(next);
  }

  _comment() {
    const line = this.line;
    if (line?.matches(".can") && this._hooks.canComment()) this._hooks.comment(line);
  }

  /** @param {HTMLElement | null} line */
  _offer(line) {
    if (!line?.matches(".can") || !this._hooks.canComment()) return;
    if (document.activeElement === this._plus || this._plus.parentElement === line) return;
    line.append(this._plus);
  }

  /** @param {MouseEvent} event */
  _clicked(event) {
    const line = lineAt(event.target);
    if (!line) return;
    const isNumber = event.target instanceof Element && event.target.matches(".num");
    if (isNumber && this._hooks.canComment()) this._hooks.comment(line);
    else if (!(event.target instanceof HTMLButtonElement) && getSelection()?.isCollapsed) this.go(line);
  }
}

/** @param {EventTarget | null} target @returns {HTMLElement | null} */
function lineAt(target) {
  return target instanceof Element ? /** @type {HTMLElement | null} */ (target.closest(".dl.can")) : null;
}
