// @ts-check
/**
 * The one way by which formatted text from agents reaches the page: marked, then DOMPurify.
 *
 * marked does not sanitise; DOMPurify hands back a fragment, so no string is ever assigned as
 * HTML. Where the two libraries are missing, and for very long texts, plain text is shown.
 */

import { el, linkified } from "./dom.js";
import { uprightIn } from "./odd.js";

const LONGEST = 64 * 1024;
export const ALLOWED_TAGS = [
  "a", "b", "blockquote", "br", "code", "del", "em", "h1", "h2", "h3", "h4", "h5", "h6", "hr",
  "i", "li", "ol", "p", "pre", "s", "strong", "sub", "sup", "table", "tbody", "td", "th", "thead",
  "tr", "ul",
];
export const ALLOWED_ATTR = ["href", "title", "start", "align"];
const ALLOWED_URI = /^(?:https?:|mailto:)/i;

/** @type {null | ((text: string) => DocumentFragment)} */
let render = null;
const VENDOR = ["../vendor/marked.js", "../vendor/purify.js"];

/** Load the two libraries; without them every text stays plain. Never rejects. */
export async function loadMarkdown() {
  try {
    const [markedModule, purifyModule] = await Promise.all(VENDOR.map((path) => import(path)));
    const marked = new markedModule.Marked({ gfm: true, breaks: true });
    // Raw HTML in a text is shown as it was written instead of vanishing in the sanitiser.
    marked.use({
      renderer: {
        html: (/** @type {any} */ token) => escaped(token.text),
        image: (/** @type {any} */ token) => escaped(`![${token.text}](${token.href})`),
        checkbox: (/** @type {any} */ token) => (token.checked ? "☑ " : "☐ "),
      },
    });
    const purify = purifyModule.default;
    render = (text) =>
      purify.sanitize(marked.parse(text), {
        ALLOWED_TAGS,
        ALLOWED_ATTR,
        ALLOWED_URI_REGEXP: ALLOWED_URI,
        ALLOW_DATA_ATTR: false,
        ALLOW_ARIA_ATTR: false,
        RETURN_DOM_FRAGMENT: true,
      });
  } catch {
    render = null; // the page works without them, in plain text
  }
}

/** @param {string} text */
function escaped(text) {
  return text.replace(/[&<>"']/g, (sign) => `&#${sign.charCodeAt(0)};`);
}

/**
 * @param {string} text of an agent
 * @returns {HTMLElement}
 */
export function markdown(text) {
  if (!render || text.length > LONGEST) return uprightIn(el("div", { class: "wrap" }, ...linkified(text)));
  const root = el("div", { class: "md" }, render(text));
  for (const link of root.querySelectorAll("a")) {
    link.target = "_blank";
    link.rel = "noopener noreferrer nofollow";
  }
  for (const heading of root.querySelectorAll("h1, h2, h3, h4, h5, h6")) {
    // The page's own outline must not be rewritten by what an agent says.
    heading.replaceWith(el("p", { class: "md-heading" }, ...heading.childNodes));
  }
  for (const table of root.querySelectorAll("table")) {
    const box = el("div", { class: "md-table", tabindex: "0", role: "group", "aria-label": "table" });
    table.replaceWith(box);
    box.append(table);
  }
  return uprightIn(root);
}
