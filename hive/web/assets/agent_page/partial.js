// @ts-check
/**
 * What claude is in the middle of saying, as the last row of the terminal; its finished line
 * takes its place.
 */

import { el, setText } from "../shared/dom.js";
import { uncoloured, upright } from "../shared/odd.js";

/** @typedef {{block: string, part: number, what: string, text: string, name: string | null}} Piece */
/** @typedef {import("../shared/wire.js").Frame} Frame */

/** The part of a block this page has: each piece once, and none behind a gap. Pure. */
export class Pieces {
  constructor() {
    this.block = "";
    this._part = 0;
  }

  /** @param {Piece} piece @returns {"begin" | "more" | "no"} what to do with it */
  admit(piece) {
    if (piece.block !== this.block) {
      if (piece.part !== 1) return "no";
      return this.begin(piece);
    }
    if (piece.part !== this._part + 1) return "no";
    this._part = piece.part;
    return "more";
  }

  /** @param {Piece} piece all that was said so far @returns {"begin"} */
  begin(piece) {
    this.block = piece.block;
    this._part = piece.part;
    return "begin";
  }

  forget() {
    this.block = "";
    this._part = 0;
  }
}

/** @param {any} given by a harness, which may be of any making @returns {Piece} */
export function pieceOf(given) {
  return {
    block: String(given?.block),
    part: Number(given?.part),
    what: String(given?.what),
    text: String(given?.text ?? ""),
    name: given?.name === null ? null : String(given?.name),
  };
}

/** @param {Frame} frame @returns {boolean} whether what was being said is over with it */
export function ends(frame) {
  if (frame.kind === "turn_end" || frame.kind === "turn_start") return true;
  if (frame.kind !== "stream") return false;
  const { type, parent_tool_use_id: parent } = frame.line ?? {};
  return type === "result" || (type === "assistant" && !parent);
}

const LOOK = {
  text: ["line text partial", ""],
  thinking: ["line thinking partial", "·"],
  tool_use: ["line tool partial", "→"],
};

/** @param {import("../shared/terminal.js").Terminal} terminal */
export function partialRow(terminal) {
  const pieces = new Pieces();
  const sign = el("span", { class: "sign" });
  const text = el("span", { class: "what" });
  const row = el("div", {}, sign, text);
  let size = 0;
  const forget = () => {
    pieces.forget();
    row.remove();
    terminal.grew();
  };
  /** @param {Piece} piece */
  const add = (piece) => {
    size += piece.text.length;
    if (piece.what === "tool_use") text.replaceChildren(...upright(`${piece.name} … ${size.toLocaleString("en")} characters`));
    else text.append(...upright(uncoloured(piece.text)));
    terminal.grew();
  };
  /** @param {Piece} piece */
  const begin = (piece) => {
    const look = LOOK[/** @type {keyof typeof LOOK} */ (piece.what)] ?? LOOK.text;
    row.className = look[0];
    setText(sign, look[1]);
    text.textContent = "";
    size = 0;
    terminal.tail.append(row);
    add(piece);
  };
  /** @param {Frame} frame a live one */
  const take = (frame) => {
    const piece = pieceOf(frame);
    const verdict = pieces.admit(piece);
    if (verdict === "begin") begin(piece);
    else if (verdict === "more") add(piece);
  };
  /** @param {unknown} given of the snapshot, null when nothing is being said */
  const restore = (given) => {
    forget();
    if (!given) return;
    const piece = pieceOf(given);
    pieces.begin(piece);
    begin(piece);
  };
  return { take, restore, forget };
}
