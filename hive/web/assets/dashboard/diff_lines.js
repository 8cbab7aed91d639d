// @ts-check
/** Lines of a diff on the page, one under the other or side by side, drawn piece by piece. */

import { el } from "../shared/dom.js";
import { revealed } from "../shared/odd.js";
import { isChange, marksOf, pairsOf } from "./diff_marks.js";
import { hunkOf } from "./diff_text.js";

/** @typedef {import("./diff_text.js").Line} Line */
/** @typedef {import("./diff_marks.js").Part} Part */
/** @typedef {import("./diff_marks.js").Pair} Pair */
/** @typedef {"old" | "new"} Side */

const LIBRARY = "../vendor/diff/libesm/diff/array.js";
/** Rows in a block: what is out of sight of it is not laid out. */
const BLOCK = 60;
/** How long rows are made before the browser gets a turn. */
const TURN_MS = 8;
/** @type {Record<string, string>} */
const SIGN = { add: "+", del: "−", same: " ", hunk: " ", about: " " };

/** @type {import("./diff_marks.js").DiffArrays | null} */
let compare = null;

/** Load what finds the words that differ; without it lines are marked as a whole. Never rejects. */
export async function loadMarks() {
  try {
    compare = (await import(LIBRARY)).diffArrays;
  } catch {
    compare = null;
  }
}

/** @returns {Promise<void>} after the browser had its turn */
function turn() {
  const own = /** @type {any} */ (globalThis).scheduler;
  return own?.yield ? own.yield() : new Promise((resolve) => setTimeout(resolve));
}

/** @param {{until: number}} clock @returns {boolean} whether it is the browser's turn */
const isOver = (clock) => performance.now() > clock.until;

/**
 * @param {HTMLElement} place filled with the lines of one file
 * @param {readonly Line[]} lines @param {boolean} isSplit
 * @param {{until: number}} clock @param {AbortSignal} signal ends it
 * @param {(row: HTMLElement) => void} drawn is told of every row
 */
export async function drawLines(place, lines, isSplit, clock, signal, drawn) {
  /** @type {HTMLElement | null} */
  let block = null;
  for (const row of rowsOf(lines, isSplit)) {
    if (block === null || block.childElementCount >= BLOCK) {
      block = el("div", { class: "diff-block" });
      place.append(block);
    }
    block.append(row);
    drawn(row);
    if (!isOver(clock)) continue;
    await turn();
    if (signal.aborted) return;
    clock.until = performance.now() + TURN_MS;
  }
}

/** @param {readonly Line[]} lines @param {boolean} isSplit @returns {Generator<HTMLElement>} made one by one */
function* rowsOf(lines, isSplit) {
  /** @type {Pair[]} */
  let run = [];
  for (const pair of pairsOf(lines)) {
    if (isSplit) {
      yield splitRow(pair);
    } else if (pair.left !== pair.right) {
      run.push(pair);
    } else {
      yield* unifiedRows(run);
      run = [];
      yield lineOf(/** @type {Line} */ (pair.left));
    }
  }
  yield* unifiedRows(run);
}

/** All that is gone, then all that came. @param {Pair[]} run @returns {Generator<HTMLElement>} */
function* unifiedRows(run) {
  /** @type {ReturnType<typeof marked>[]} */
  const marks = [];
  for (const [n, pair] of run.entries()) {
    if (!pair.left) continue;
    marks[n] = marked(pair);
    yield lineOf(pair.left, "old", marks[n]?.before);
  }
  for (const [n, pair] of run.entries()) if (pair.right) yield lineOf(pair.right, "new", marks[n]?.after);
}

/** @param {Pair} pair @returns {HTMLElement} */
function splitRow(pair) {
  if (pair.left && pair.left === pair.right && !pair.left.old) return lineOf(pair.left);
  const marks = marked(pair);
  const half = (/** @type {Line | null} */ line, /** @type {Side} */ side, /** @type {Part[] | undefined} */ parts) =>
    line ? lineOf(line, side, parts) : el("div", { class: "dl none" });
  return el("div", { class: "pair" }, half(pair.left, "old", marks?.before), half(pair.right, "new", marks?.after));
}

/** @param {Pair} pair */
function marked(pair) {
  if (!compare || !isChange(pair)) return null;
  return marksOf(pair.left?.text ?? "", pair.right?.text ?? "", compare);
}

/** @param {Line} line @param {Side} [side] it stands for; the newer one it is on when left out @param {Part[]} [parts] */
function lineOf(line, side, parts) {
  if (line.kind === "hunk") return hunkRow(line);
  if (line.kind === "about") return el("div", { class: "dl d-about" }, el("span", { class: "code" }, ...revealed(line.text)));
  const own = side ?? (line.new ? "new" : "old");
  const number = (/** @type {number | undefined} */ n) => el("span", { class: "num" }, n ?? "");
  const numbers = side && line.kind === "same" ? [number(line[side])] : [number(line.old), number(line.new)];
  const code = parts ? parts.map(partOf) : revealed(line.text);
  return el(
    "div",
    {
      class: `dl d-${line.kind} can`, tabindex: -1, "data-side": own, "data-line": line[own],
      "data-other": !side && line.kind === "same" ? line.old : null,
    },
    ...numbers,
    el("span", { class: "sign", "aria-hidden": line.kind === "same" ? "true" : null }, SIGN[line.kind]),
    el("span", { class: "code" }, ...code),
  );
}

/** @param {Part} part */
function partOf(part) {
  return part.isMarked ? el("mark", {}, ...revealed(part.text)) : el("span", {}, ...revealed(part.text));
}

/** @param {Line} line */
function hunkRow(line) {
  const { range, within } = hunkOf(line.text);
  return el(
    "div",
    { class: "dl d-hunk", tabindex: -1 },
    el("span", { class: "range" }, range),
    within && el("span", { class: "within" }, ...revealed(within)),
  );
}
