// @ts-check
/** Calls of tools and their results, joined wherever both are in sight. */

import { el } from "../shared/dom.js";
import { size } from "../shared/time.js";
import { block, diff, diffCount, fold, line, prose } from "./lines.js";
import { pictureOf } from "./picture.js";
import { describeCall, resultText, summarise } from "./tool_text.js";

/** @param {import("./picture.js").Picture} picture unpacked only once somebody looks */
function pictureRow({ url, type, width, height, bytes }) {
  const about = `picture · ${width} × ${height} · ${type}, ${size(bytes)}`;
  return fold("result", [about], () => el("img", { src: url, width, height, alt: `${about}, from a tool`, class: "picture" }));
}

const KEPT = 4000;
/** @type {WeakMap<Element, HTMLElement>} where a result stands that went to its call's row */
const joined = new WeakMap();

/** @param {Element} row of a frame that draws nothing itself @returns {HTMLElement | undefined} */
export const joinedTo = (row) => joined.get(row);

/** Who called what, and which results came before their call was seen. */
export class ToolRows {
  constructor() {
    /** @type {Map<string, {root: HTMLElement, name: string, wait: HTMLElement}>} */
    this._calls = new Map();
    /** @type {Map<string, {content: unknown, isError: boolean, row: HTMLElement}>} */
    this._orphans = new Map();
  }

  /** @param {{id: string, name: string, input: unknown}} use @returns {HTMLElement} */
  call(use) {
    const about = describeCall(use.name, use.input);
    const wait = el("span", { class: "wait" });
    const root = el("div", { class: "call" }, this._head(about, wait));
    this._calls.set(use.id, { root, name: use.name, wait });
    if (this._calls.size > KEPT) this._calls.delete(/** @type {string} */ (this._calls.keys().next().value));
    const early = this._orphans.get(use.id);
    if (early) {
      this._orphans.delete(use.id);
      early.row.remove();
      root.append(this._result(early.content, early.isError, use.name));
    }
    return root;
  }

  /** @param {import("./tool_text.js").Call} about @param {HTMLElement} wait */
  _head(about, wait) {
    const { diff: changed, markdown: text, body } = about;
    if (changed) return fold("tool", [about.head, diffCount(changed), wait], () => diff(changed));
    if (text) return fold("tool", [about.head, wait], () => prose(text), about.open);
    if (body) return fold("tool", [about.head, wait], () => block(body));
    return line("tool", "→", about.head, wait);
  }

  /**
   * @param {{tool_use_id: string, content: unknown, is_error?: boolean}} result
   * @returns {HTMLElement} hidden when it went to its call's row
   */
  result(result) {
    const call = this._calls.get(result.tool_use_id);
    const isError = result.is_error === true;
    const row = this._result(result.content, isError, call?.name ?? "");
    if (call) {
      call.wait.textContent = "";
      call.root.append(row);
      const place = el("div", { hidden: true });
      joined.set(place, row);
      return place;
    }
    this._orphans.set(result.tool_use_id, { content: result.content, isError, row });
    return row;
  }

  /** @param {string} id @param {number} seconds a long call is still at it */
  progress(id, seconds) {
    const call = this._calls.get(id);
    if (call) call.wait.textContent = ` · ${Math.round(seconds)}s…`;
  }

  /** @param {unknown} content @param {boolean} isError @param {string} name */
  _result(content, isError, name) {
    const blocks = Array.isArray(content) ? content : [];
    const pictures = blocks.map(pictureOf);
    if (!pictures.some(Boolean)) return this._text(content, isError, name);
    const rest = blocks.filter((_, n) => pictures[n] === null);
    return el(
      "div",
      {},
      rest.length > 0 && this._text(rest, isError, name),
      ...pictures.flatMap((one) => (one ? [pictureRow(one)] : [])),
    );
  }

  /** @param {unknown} content @param {boolean} isError @param {string} name */
  _text(content, isError, name) {
    const text = resultText(content);
    const kind = isError ? "result bad" : "result";
    const about = summarise(text);
    if ("short" in about) return line(kind, isError ? "✗" : "←", about.short);
    const head = `${about.lines} line${about.lines === 1 ? "" : "s"} · ${about.headline}`;
    if (name.endsWith("__recv")) return fold(kind, [head], () => prose(text), true);
    return fold(kind, [head], () => block(text));
  }
}
