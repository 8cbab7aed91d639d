// @ts-check
/** One row of the history that somebody was sent to: in sight, opened, and marked. */

import { line } from "./lines.js";

const NAME = "found";

/**
 * @param {import("../shared/terminal.js").Terminal} terminal @param {number} seq
 * @param {string} words that were looked for, "" when none were
 */
export async function showRow(terminal, seq, words) {
  const row = await terminal.goTo(seq);
  if (!row) {
    terminal.local(line("note err", "!", `row ${seq} is not shown: the history does not hold it any more, or there is nothing to see in it`));
    return;
  }
  for (const old of terminal.log.querySelectorAll(".target")) old.classList.remove("target");
  row.classList.add("target");
  row.tabIndex = -1;
  row.focus({ preventScroll: true });
  if (words) mark(row, words.toLowerCase());
  row.scrollIntoView({ block: row.offsetHeight > terminal.log.clientHeight ? "start" : "center" });
}

/** @param {HTMLElement} row @param {string} words in small letters */
function mark(row, words) {
  for (const fold of row.querySelectorAll("details")) fold.open = true;
  if (row instanceof HTMLDetailsElement) row.open = true;
  // A fold fills itself when it is told that it was opened, a task later.
  setTimeout(() => highlight(row, words));
}

/** @param {HTMLElement} row @param {string} words */
function highlight(row, words) {
  if (!("highlights" in CSS)) return;
  /** @type {Range[]} */
  const ranges = [];
  const walk = document.createTreeWalker(row, NodeFilter.SHOW_TEXT);
  while (walk.nextNode() && ranges.length < 500) {
    const text = /** @type {Text} */ (walk.currentNode).data.toLowerCase();
    for (let at = text.indexOf(words); at >= 0; at = text.indexOf(words, at + words.length)) {
      const range = new Range();
      range.setStart(walk.currentNode, at);
      range.setEnd(walk.currentNode, Math.min(at + words.length, walk.currentNode.nodeValue?.length ?? 0));
      ranges.push(range);
    }
  }
  CSS.highlights.set(NAME, new Highlight(...ranges));
  ranges[0]?.startContainer.parentElement?.scrollIntoView({ block: "center" });
}
