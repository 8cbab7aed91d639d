// @ts-check
/** Lines of a diff beside each other, and what differs within two of them. Pure. */

/** @typedef {import("./diff_text.js").Line} Line */
/** @typedef {{text: string, isMarked: boolean}} Part */
/** @typedef {{left: Line | null, right: Line | null}} Pair what was there and what would be; equal lines and heads stand in both */
/**
 * @typedef {(a: string[], b: string[], how: {maxEditLength: number}) =>
 *   {value: string[], added?: boolean, removed?: boolean}[] | undefined} DiffArrays of jsdiff
 */

/** Longer lines are marked as a whole: what is compared word by word is paid for by the reader. */
const LONGEST = 400;
/** So many words may differ before a line is another one. */
const EDITS = 60;
const WORD = /[\p{L}\p{N}_]+|\s+|[^]/gu;

/** @param {readonly Line[]} lines of one file @returns {Pair[]} what replaces what, as far as it can be told */
export function pairsOf(lines) {
  /** @type {Pair[]} */
  const pairs = [];
  let at = 0;
  while (at < lines.length) {
    const gone = at;
    while (lines[at]?.kind === "del") at += 1;
    const come = at;
    while (lines[at]?.kind === "add") at += 1;
    for (let n = 0; n < Math.max(come - gone, at - come); n += 1) {
      const left = gone + n < come ? lines[gone + n] : null;
      const right = come + n < at ? lines[come + n] : null;
      pairs.push({ left, right });
    }
    if (at > gone) continue;
    pairs.push({ left: lines[at], right: lines[at] });
    at += 1;
  }
  return pairs;
}

/** @param {Pair} pair @returns {boolean} whether one line replaces another */
export function isChange(pair) {
  return pair.left !== null && pair.right !== null && pair.left !== pair.right;
}

/**
 * @param {string} before @param {string} after @param {DiffArrays} compare
 * @returns {{before: Part[], after: Part[]} | null} null where a mark would help nobody
 */
export function marksOf(before, after, compare) {
  if (before.length > LONGEST || after.length > LONGEST) return null;
  const found = compare(before.match(WORD) ?? [], after.match(WORD) ?? [], { maxEditLength: EDITS });
  if (!found) return null;
  const same = found.filter((one) => !one.added && !one.removed).map((one) => one.value.join(""));
  if (same.join("").trim().length * 3 < Math.max(before.trim().length, after.trim().length)) return null;
  const side = (/** @type {"added" | "removed"} */ other, /** @type {"added" | "removed"} */ mine) =>
    found.filter((one) => !one[other]).map((one) => ({ text: one.value.join(""), isMarked: one[mine] === true }));
  return { before: side("added", "removed"), after: side("removed", "added") };
}
