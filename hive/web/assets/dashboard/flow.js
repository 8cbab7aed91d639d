// @ts-check
/** Every message of the hive as it passes, with the box to write one. */

import { el, setText } from "../shared/dom.js";
import { event } from "../shared/events.js";
import { markdown } from "../shared/markdown.js";
import { upright } from "../shared/odd.js";
import { isOutside, originMark } from "../shared/origin.js";
import { Terminal } from "../shared/terminal.js";
import { timeTag } from "../shared/time.js";
import { linkFilesOf } from "./file_refs.js";
import { section } from "./section.js";

/** @typedef {import("../shared/wire.js").Frame} Frame */

const CAP = 800;
const MARK_MS = 1600;

/**
 * @param {HTMLElement} compose the box at the foot
 * @param {(message: Frame) => void} reply
 */
export function flowView(compose, reply) {
  /** @type {Map<number, {root: HTMLElement, mark: HTMLElement, words: HTMLElement}>} by message */
  const rows = new Map();
  /** @type {Set<number>} messages that were drawn, though they may have scrolled away since */
  const seen = new Set();
  let drawn = 0;
  const terminal = new Terminal({
    name: "Messages, oldest first",
    cap: CAP,
    empty: el(
      "p",
      {},
      "Silence on the wire. Every message between you and the agents passes here; write the first one below.",
    ),
    draw: (frame) => {
      const row = messageRow(frame.message, rows, reply);
      rows.set(frame.message.id, row);
      if (rows.size > 3 * CAP) forget(rows);
      return row.root;
    },
  });
  terminal.root.classList.add("flow");
  terminal.root.append(compose);
  const { root } = section({ id: "flow", leet: "MESS4GE FL0W", plain: "Message flow" }, terminal.root);

  // A message's own number comes again in a later history under another frame number, so rows are
  // known by message, and numbered here in the order they are drawn.
  const fresh = (/** @type {Frame} */ message) => {
    drawn += 1;
    seen.add(message.id);
    return { kind: "row", seq: drawn, message };
  };
  return {
    root,
    /** @param {Frame[]} messages */
    take(messages) {
      const unseen = messages.filter((message) => !seen.has(message.id)).map(fresh);
      if (drawn === unseen.length) terminal.take(unseen);
      else for (const frame of unseen) terminal.push(frame);
    },
    /** @param {Frame} frame */
    apply(frame) {
      if (frame.kind === "sent" && !seen.has(frame.id)) terminal.push(fresh(frame));
      if (frame.kind === "delivered") mark(rows.get(frame.id), "✓", "delivered");
      if (frame.kind === "acked") for (const id of frame.ids) mark(rows.get(id), "✓✓", "done with");
    },
  };
}

/** @param {Map<number, {root: HTMLElement}>} rows */
function forget(rows) {
  for (const [id, row] of [...rows].slice(0, CAP)) if (!row.root.isConnected) rows.delete(id);
}

/** @param {{mark: HTMLElement, words: HTMLElement} | undefined} row @param {string} sign @param {string} words */
function mark(row, sign, words) {
  if (!row) return;
  setText(row.mark, sign);
  setText(row.words, words);
  row.mark.title = words;
}

/** @param {string} name @returns {string} the tone of a principal */
export function toneOf(name) {
  if (name === "operator") return "p-operator";
  if (name === "manager") return "p-manager";
  return name === "system" || name === "reminder" ? "p-system" : "p-agent";
}

/** @param {any} message a row or a frame @returns {string} no label looks like a principal */
export function senderTone(message) {
  return isOutside(message) ? "p-outside" : toneOf(message.from);
}

/**
 * @param {Frame} message @param {Map<number, {root: HTMLElement}>} rows
 * @param {(message: Frame) => void} reply
 */
function messageRow(message, rows, reply) {
  const sign = el("span", { class: "mark", "aria-hidden": "true" });
  const words = el("span", { class: "sr-only" });
  const parent = message.in_reply_to;
  const tag = parent ? el("button", { type: "button", class: "link tag" }, "↳ reply") : null;
  tag?.addEventListener("click", () => highlight(rows.get(parent)?.root));
  const answer = el("button", { type: "button", class: "link answer" }, "↳ answer");
  answer.setAttribute("aria-label", `Answer ${message.from}`);
  answer.addEventListener("click", () => reply(message));
  const canAnswer = !isOutside(message) && !["operator", "system", "reminder"].includes(message.from);
  const root = el(
    "article",
    { class: `message ${senderTone(message)}`, tabindex: "-1", "data-message": message.id },
    el(
      "div",
      { class: "head" },
      timeTag(message.at),
      el("span", { class: `who ${senderTone(message)}` }, message.from),
      originMark(message),
      el("span", { "aria-label": "to" }, "→"),
      el("span", { class: `who ${toneOf(message.to)}` }, message.to),
      message.broadcast && el("span", { class: "muted" }, "(all)"),
      tag,
      sign,
      words,
      canAnswer && answer,
    ),
    el("div", { class: "body" }, bodyOf(message)),
  );
  return { root, mark: sign, words };
}

/** @param {Frame} message @returns {HTMLElement} what hive itself tells an agent is JSON: one line */
function bodyOf(message) {
  const told = message.from === "system" ? event(String(message.body)) : null;
  if (told !== null) return el("div", { class: "wrap muted" }, ...upright(told));
  const body = markdown(String(message.body));
  linkFilesOf(message.id, String(message.body), body);
  return body;
}

/** @param {HTMLElement | undefined} row */
function highlight(row) {
  if (!row?.isConnected) return;
  row.scrollIntoView({ block: "center" });
  row.focus({ preventScroll: true });
  row.classList.add("found");
  setTimeout(() => row.classList.remove("found"), MARK_MS);
}
