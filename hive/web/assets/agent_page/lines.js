// @ts-check
/** The rows of the terminal, as elements; every text in them is a text node. */

import { el } from "../shared/dom.js";
import { markdown } from "../shared/markdown.js";
import { uncoloured, upright } from "../shared/odd.js";

const PIECE = 32 * 1024;
const RAW = 2000;

/** @param {string} kind classes @param {string} sign one character for the column @param {...(Node | string)} what */
export function line(kind, sign, ...what) {
  return el(
    "div",
    { class: `line ${kind}` },
    el("span", { class: "sign", "aria-hidden": "true" }, sign),
    el("span", { class: "what" }, ...what.flatMap(shown)),
  );
}

/** @param {Node | string} part what is text may hold what hides or turns: it is written out */
const shown = (part) => (typeof part === "string" ? upright(uncoloured(part)) : [part]);

/**
 * A row that opens; what is inside is made when it is first opened.
 * @param {string} kind @param {(Node | string)[]} head @param {() => Node} inside @param {boolean} [open]
 */
export function fold(kind, head, inside, open = false) {
  const inner = el("div", { class: "inner" });
  const root = el("details", { class: `line fold ${kind}`, open }, el("summary", {}, ...head.flatMap(shown)), inner);
  const fill = () => {
    if (root.open && !inner.firstChild) inner.append(inside());
  };
  root.addEventListener("toggle", fill);
  fill();
  return root;
}

/** @param {string} text long ones piece by piece, so that megabytes do not freeze the page */
export function block(text) {
  const pre = el("pre", { tabindex: "0", role: "group", "aria-label": "text" }, ...shown(text.slice(0, PIECE)));
  if (text.length <= PIECE) return pre;
  let end = PIECE;
  const more = el("button", { type: "button", class: "link" });
  const say = () => (more.textContent = `show more (${end.toLocaleString("en")} of ${text.length.toLocaleString("en")} characters)`);
  more.addEventListener("click", () => {
    pre.append(...shown(text.slice(end, end + 8 * PIECE)));
    end = Math.min(text.length, end + 8 * PIECE);
    if (end < text.length) say();
    else more.remove();
  });
  say();
  return el("div", {}, pre, more);
}

/** @param {string} text formatted when short enough, else in pieces */
export function prose(text) {
  return text.length > PIECE ? block(text) : markdown(uncoloured(text));
}

/** @param {import("./tool_text.js").DiffLine[]} lines */
export function diff(lines) {
  const most = lines.slice(0, 2000);
  const rest = lines.length - most.length;
  return el(
    "pre",
    { class: "diff", tabindex: "0", role: "group", "aria-label": "changes" },
    ...most.map((one) => el("span", { class: one.sign === "+" ? "add" : "del" }, ...shown(`${one.sign} ${one.text}`))),
    rest > 0 && el("span", {}, `… ${rest} more lines`),
  );
}

/** @param {import("./tool_text.js").DiffLine[]} lines `-3 +5` */
export function diffCount(lines) {
  const added = lines.filter((one) => one.sign === "+").length;
  return el(
    "span",
    { class: "counts" },
    " · ",
    el("span", { class: "del" }, `-${lines.length - added}`),
    " ",
    el("span", { class: "add" }, `+${added}`),
  );
}

/** @param {unknown} value what nobody taught the page to read stays in sight */
export function raw(value) {
  const text = JSON.stringify(value) ?? String(value);
  const rest = text.length > RAW ? `… (${text.length} characters)` : "";
  return line("sys", "!", text.slice(0, RAW) + rest);
}
