// @ts-check
/**
 * Characters that hide or reorder what is read, made visible: whoever decides over a text must see
 * what is in it, not what it pretends to be.
 */

import { el } from "./dom.js";

// Controls but tab and newline, what joins or breaks without a sign, and what changes direction.
const ODD = new RegExp(
  "[\\u0000-\\u0008\\u000b-\\u001f\\u007f-\\u009f\\u00ad\\u034f\\u061c\\u115f\\u1160\\u17b4\\u17b5" +
    "\\u180b-\\u180f\\u200b-\\u200f\\u2028-\\u202e\\u2060-\\u206f\\u2800\\u3164\\ufe00-\\ufe0f\\ufeff\\uffa0" +
    "\\ufff0-\\ufffb\\u{1bca0}-\\u{1bca3}\\u{1d173}-\\u{1d17a}\\u{e0000}-\\u{e0fff}]",
  "gu",
);

/** Those that turn what follows, and controls; the others are wanted in names and emoji. */
const TURNING = new RegExp(
  "[\\u0000-\\u0008\\u000b-\\u000c\\u000e-\\u001f\\u007f-\\u009f\\u202a-\\u202e\\u2066-\\u2069]",
  "gu",
);
/** How a program colours what it prints; there are no colours here. */
const COLOUR = new RegExp("\\u001b\\[[0-9;:]*m", "g");

/** @param {string} text of a program @returns {string} without its colours, every line ending alike */
export function uncoloured(text) {
  return text.replace(COLOUR, "").replace(/\r\n?/g, "\n");
}

/** @param {string} text @param {RegExp} [odd] @returns {{text: string, isOdd: boolean}[]} the text, odd characters apart */
export function partsOf(text, odd = ODD) {
  const parts = [];
  let end = 0;
  for (const match of text.matchAll(odd)) {
    if (match.index > end) parts.push({ text: text.slice(end, match.index), isOdd: false });
    const code = /** @type {number} */ (match[0].codePointAt(0));
    parts.push({ text: `U+${code.toString(16).toUpperCase().padStart(4, "0")}`, isOdd: true });
    end = match.index + match[0].length;
  }
  if (end < text.length) parts.push({ text: text.slice(end), isOdd: false });
  return parts;
}

/** @param {string} text @returns {(Node | string)[]} to be put on the page */
export function revealed(text) {
  return partsOf(text).map(drawn);
}

/** As `revealed`, for text that may hold emoji: only what reorders, and controls. @param {string} text @returns {(Node | string)[]} */
export function upright(text) {
  return partsOf(text, TURNING).map(drawn);
}

/** What reorders in an element's text is written out. @param {HTMLElement} root @returns {HTMLElement} */
export function uprightIn(root) {
  const walk = document.createTreeWalker(root, NodeFilter.SHOW_TEXT);
  /** @type {Text[]} */
  const found = [];
  while (walk.nextNode()) {
    const node = /** @type {Text} */ (walk.currentNode);
    if (partsOf(node.data, TURNING).some((part) => part.isOdd)) found.push(node);
  }
  for (const node of found) node.replaceWith(...upright(node.data));
  return root;
}

/** @param {{text: string, isOdd: boolean}} part */
function drawn(part) {
  return part.isOdd ? el("span", { class: "odd", title: "a character that cannot be seen" }, part.text) : part.text;
}
