// @ts-check
/** One message of a thread: who to whom, what it answers, what it says, and what answers it. */

import { el, setAttr, setText } from "../shared/dom.js";
import { event } from "../shared/events.js";
import { markdown } from "../shared/markdown.js";
import { upright } from "../shared/odd.js";
import { originMark } from "../shared/origin.js";
import { timeTag } from "../shared/time.js";
import { linkFilesOf } from "./file_refs.js";
import { senderTone, toneOf } from "./tones.js";

/** @typedef {import("./thread_tree.js").Branch} Branch */
/** @typedef {import("../shared/wire.js").MessageRow} MessageRow */
/**
 * @typedef {{
 *   goTo: (id: number) => void, answer: (row: MessageRow) => void, fold: (id: number) => void,
 *   canAnswer: (row: MessageRow) => boolean, watch: (node: Element) => void
 * }} Does
 */

/** @param {Branch} first @param {Does} does */
export function threadRow(first, does) {
  const { message } = first;
  const mark = el("span", { class: "mark", "aria-hidden": "true" });
  const words = el("span", { class: "sr-only" });
  const parent = el("button", { type: "button", class: "link tag" });
  parent.addEventListener("click", () => message.in_reply_to !== null && does.goTo(message.in_reply_to));
  const fold = el("button", { type: "button", class: "link fold-answers" });
  fold.addEventListener("click", () => does.fold(message.id));
  const answer = el("button", { type: "button", class: "link", "aria-label": `Answer ${message.from}` }, "↳ answer");
  answer.addEventListener("click", () => does.answer(message));
  const body = el("div", { class: "body wrap" }, message.body);
  const root = el(
    "li",
    { class: `message ${senderTone(message)}`, tabindex: "-1", "data-message": message.id },
    el(
      "div",
      { class: "head" },
      el("a", { class: "stamp", href: `#message-${message.id}`, title: "show it in the message flow" }, timeTag(message.sent_at)),
      el("span", { class: `who ${senderTone(message)}` }, message.from),
      originMark(message),
      el("span", { "aria-label": "to" }, "→"),
      el("span", { class: `who ${toneOf(message.to)}` }, message.to),
      parent,
      mark,
      words,
      el("span", { class: "does" }, fold, answer),
    ),
    body,
  );
  // Formatting thousands of messages that nobody looks at would hold the page up.
  root.addEventListener("hive:seen", () => format(message, body), { once: true });
  does.watch(root);
  let shown = "";
  /** @param {Branch} now */
  const update = (now) => {
    const [sign, said] = stateOf(now.message);
    const canAnswer = does.canAnswer(message);
    // Of thousands of rows one changes at a time.
    const next = `${now.depth} ${now.isApart} ${now.below} ${now.isFolded} ${said} ${canAnswer}`;
    if (next === shown) return;
    shown = next;
    root.style.setProperty("--depth", String(now.depth));
    parent.hidden = !now.isApart;
    if (now.parent) setText(parent, `↳ to ${now.parent.from} #${now.parent.id}`);
    fold.hidden = now.below === 0;
    setText(fold, `${now.isFolded ? "▸" : "▾"} ${now.below} below`);
    setAttr(fold, "aria-expanded", String(!now.isFolded));
    answer.hidden = !canAnswer;
    setText(mark, sign);
    setText(words, said);
    mark.title = said;
  };
  return { root, update };
}

/** @param {MessageRow} message @param {HTMLElement} body */
function format(message, body) {
  const told = message.from === "system" ? event(message.body) : null;
  if (told !== null) return body.replaceChildren(el("div", { class: "wrap muted" }, ...upright(told)));
  const formatted = markdown(message.body);
  linkFilesOf(message.id, message.body, formatted);
  body.classList.remove("wrap");
  body.replaceChildren(formatted);
}

/** @param {MessageRow} message @returns {[string, string]} */
function stateOf(message) {
  if (message.acked_at !== null) return ["✓✓", "done with"];
  return message.delivered_at !== null ? ["✓", "delivered"] : ["", ""];
}
