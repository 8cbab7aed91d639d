// @ts-check
/** Bringing what is folded away, or on another tab, into sight. */

/** Heard by whatever hides things: a tab, an agent's short row, a filter. */
export const REVEAL = "hive:reveal";

/** @param {Element} node is shown, whatever it is folded away in */
export function reveal(node) {
  for (let at = node.parentElement?.closest("details"); at; at = at.parentElement?.closest("details")) {
    if (!node.matches("summary") || node.parentElement !== at) at.open = true;
  }
  if (node instanceof HTMLDetailsElement) node.open = true;
  node.dispatchEvent(new CustomEvent(REVEAL, { bubbles: true }));
}
