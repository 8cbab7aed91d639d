// @ts-check
/** Every message of the hive as it passes, with the box to write one. */

import { getJson, sentence } from "../shared/api.js";
import { el, label, setAttr, setText } from "../shared/dom.js";
import { event } from "../shared/events.js";
import { markdown } from "../shared/markdown.js";
import { upright } from "../shared/odd.js";
import { isOutside, originMark } from "../shared/origin.js";
import { keep, kept } from "../shared/session.js";
import { Terminal } from "../shared/terminal.js";
import { timeTag } from "../shared/time.js";
import { toast } from "../shared/toast.js";
import { linkFilesOf } from "./file_refs.js";
import { isAll, KINDS, passes, readFilter, writeFilter } from "./flow_filter.js";
import { section } from "./section.js";
import { senderTone, toneOf } from "./tones.js";
import { historyOf } from "./urls.js";

/** @typedef {import("../shared/wire.js").Frame} Frame */
/** @typedef {{events: Frame[], delivered: number[], acked: number[]}} History */

/** @typedef {{root: HTMLElement, mark: HTMLElement, words: HTMLElement, isNew: HTMLElement}} Row */

const CAP = 800;
/** What became of a message, from little to much. @type {[string, string][]} */
const MARKS = [["", ""], ["✓", "delivered"], ["✓✓", "done with"]];
const DELIVERED = 1;
const DONE = 2;
const FILTER = "flow";
const MARK_MS = 1600;

/**
 * @param {HTMLElement} compose the box at the foot
 * @param {(message: Frame) => void} reply
 * @param {(id: number) => void} thread opens the thread that a message is in
 */
export function flowView(compose, reply, thread) {
  let filter = readFilter(kept(FILTER));
  /** @type {Set<number>} messages to the operator that were not read */
  let unread = new Set();
  /** @type {Map<number, Row>} by message */
  const rows = new Map();
  /** @type {Map<number, number>} by message: a frame may come before its row is drawn */
  const marks = new Map();
  const mark = (/** @type {number} */ id, /** @type {number} */ how, isBack = false) => {
    const known = marks.get(id) ?? 0;
    // What is done with stays so; only what was held can wait again.
    marks.set(id, isBack && known < DONE ? how : Math.max(how, known));
    if (marks.size > 6 * CAP) for (const old of [...marks.keys()].slice(0, CAP)) marks.delete(old);
    show(rows.get(id), marks.get(id) ?? 0);
  };
  /** @param {History} history */
  const framesOf = ({ events, delivered, acked }) => {
    for (const id of delivered) mark(id, DELIVERED);
    for (const id of acked) mark(id, DONE);
    return events.map(numbered);
  };
  const terminal = new Terminal({
    name: "Messages, oldest first",
    cap: CAP,
    // Two that were sent at once may be told in either order.
    isUnordered: true,
    empty: el(
      "p",
      {},
      "Silence on the wire. Every message between you and the agents passes here; write the first one below.",
    ),
    draw: (frame) => {
      const row = messageRow(frame.message, { goTo: (id) => void goTo(id), reply, thread });
      rows.set(frame.message.id, row);
      show(row, marks.get(frame.message.id) ?? 0);
      showNew(row, unread.has(frame.message.id));
      if (rows.size > 3 * CAP) forget(rows);
      return row.root;
    },
    newest: () => read({}),
    older: (before) => read({ before }),
    newer: (after) => read({ after }),
    failed: (error) => toast(sentence(error), "bad"),
  });
  terminal.root.classList.add("flow");
  terminal.root.append(compose);
  const { root, header } = section({ id: "flow", leet: "MESS4GE FL0W", plain: "Message flow" }, terminal.root);
  const kinds = el("select", { name: "kind", "aria-label": "Which kind of messages" }, ...KINDS.map(([value, text]) => el("option", { value }, text)));
  const agents = el("select", { name: "agent", "aria-label": "Whose messages" }, el("option", { value: "" }, "everybody"));
  const choices = el("span", { class: "row narrow filters" }, kinds, agents);
  header.append(choices, holdButton(terminal));
  for (const one of [kinds, agents]) one.addEventListener("change", () => narrow({ agent: agents.value, kind: kinds.value }));

  /** @param {Record<string, number>} where @returns {Promise<Frame[]>} of what is wanted when it comes */
  async function read(where) {
    const mine = filter;
    const frames = framesOf(/** @type {History} */ (await getJson(historyOf({ ...filter, ...where }))));
    return mine === filter ? frames : read(where);
  }

  function mirror() {
    for (const [one, value] of /** @type {[HTMLSelectElement, string][]} */ ([[kinds, filter.kind], [agents, filter.agent]])) {
      if (![...one.options].some((option) => option.value === value)) one.append(el("option", { value }, value));
      one.value = value;
      one.classList.toggle("narrowed", value !== "");
    }
  }
  mirror();
  const known = new Set(["", filter.agent]);

  /** @param {import("./flow_filter.js").Filter} wanted */
  function narrow(wanted) {
    if (wanted.agent === filter.agent && wanted.kind === filter.kind) return;
    filter = wanted;
    keep(FILTER, writeFilter(filter));
    mirror();
    void terminal.begin();
  }

  /** @param {number} id of a message, however old */
  async function goTo(id) {
    if (!rows.get(id)?.root.isConnected) narrow({ agent: "", kind: "" });
    const row = await terminal.goTo(id);
    if (row) highlight(row);
    else toast(`Message ${id} is not there any more: messages are dropped 30 days after they were done with.`, "bad");
  }
  return {
    root,
    goTo,
    /** @param {History} history the newest there are */
    take(history) {
      // It speaks for its messages: one that was held before the stream broke may wait again.
      for (const { id } of history.events) mark(id, 0, true);
      const frames = framesOf(history);
      if (isAll(filter)) terminal.offer(frames);
      else if (!terminal.isDetached) void terminal.begin();
    },
    /** @param {string} kind of messages, those of everybody */
    narrow: (kind) => narrow({ agent: "", kind }),
    /** @param {import("../shared/wire.js").DashboardState} state */
    update(state) {
      for (const { name } of state.containers) {
        if (!known.has(name)) agents.append(el("option", { value: name }, name));
        known.add(name);
      }
      const now = new Set(state.inbox.filter((row) => row.acked_at === null).map((row) => row.id));
      for (const id of unread) if (!now.has(id)) showNew(rows.get(id), false);
      for (const id of now) if (!unread.has(id)) showNew(rows.get(id), true);
      unread = now;
    },
    /** @param {Frame} frame */
    apply(frame) {
      if (frame.kind === "sent" && passes(frame, filter)) terminal.push(numbered(frame));
      if (frame.kind === "delivered") mark(frame.id, DELIVERED);
      if (frame.kind === "acked") for (const id of frame.ids) mark(id, DONE);
      if (frame.kind === "requeued") for (const id of frame.ids) mark(id, 0, true);
    },
  };
}

/** A message comes under a frame number at first and under none in a history: here its own counts. @param {Frame} message */
function numbered(message) {
  return { kind: "row", seq: message.id, message };
}

/** Stops what is new from being drawn, and read out, until it is let go. @param {Terminal} terminal */
function holdButton(terminal) {
  const button = el("button", { type: "button", class: "quiet push", id: "hold", "aria-pressed": "false", title: "Show nothing new until it is let go" }, ...label("‖ H0LD", "Hold the messages"));
  button.addEventListener("click", () => terminal.hold(button.getAttribute("aria-pressed") !== "true"));
  terminal.onHold = (isHeld) => setAttr(button, "aria-pressed", String(isHeld));
  return button;
}

/** @param {Map<number, Row>} rows */
function forget(rows) {
  for (const [id, row] of [...rows].slice(0, CAP)) if (!row.root.isConnected) rows.delete(id);
}

/** @param {Row | undefined} row @param {boolean} isNew to the operator, and not read */
function showNew(row, isNew) {
  if (!row) return;
  setAttr(row.root, "data-unread", isNew ? "" : null);
  row.isNew.hidden = !isNew;
}

/** @param {Row | undefined} row @param {number} how */
function show(row, how) {
  if (!row) return;
  const [sign, words] = MARKS[how];
  setText(row.mark, sign);
  setText(row.words, words);
  row.mark.title = words;
}

/**
 * @param {Frame} message
 * @param {{goTo: (id: number) => void, reply: (message: Frame) => void, thread: (id: number) => void}} does
 * @returns {Row}
 */
function messageRow(message, does) {
  const sign = el("span", { class: "mark", "aria-hidden": "true" });
  const words = el("span", { class: "sr-only" });
  const isNew = el("span", { class: "sr-only", hidden: true }, "unread");
  const parent = message.in_reply_to;
  const tag = parent ? el("button", { type: "button", class: "link tag", title: `to message ${parent}` }, "↳ reply") : null;
  tag?.addEventListener("click", () => does.goTo(parent));
  const thread = el("button", { type: "button", class: "link answer", title: "the whole thread, and a box to answer in", "aria-label": `Thread of message ${message.id}` }, "⌥", el("span", { class: "word" }, "thread"));
  thread.addEventListener("click", () => does.thread(message.id));
  const answer = el("button", { type: "button", class: "link answer" }, "↳", el("span", { class: "word" }, "answer"));
  answer.setAttribute("aria-label", `Answer ${message.from}`);
  answer.addEventListener("click", () => does.reply(message));
  const canAnswer = !isOutside(message) && !["operator", "system", "reminder"].includes(message.from);
  const root = el(
    "article",
    { class: `message ${senderTone(message)}`, tabindex: "-1", "data-message": message.id },
    el(
      "div",
      { class: "head" },
      el("a", { class: "stamp", href: `#message-${message.id}`, title: "a link to this message" }, timeTag(message.at)),
      isNew,
      el("span", { class: `who ${senderTone(message)}` }, message.from),
      originMark(message),
      el("span", { "aria-label": "to" }, "→"),
      el("span", { class: `who ${toneOf(message.to)}` }, message.to),
      message.broadcast && el("span", { class: "muted" }, "(all)"),
      tag,
      sign,
      words,
      thread,
      canAnswer && answer,
    ),
    el("div", { class: "body" }, bodyOf(message)),
  );
  return { root, mark: sign, words, isNew };
}

/** @param {Frame} message @returns {HTMLElement} what hive itself tells an agent is JSON: one line */
function bodyOf(message) {
  const told = message.from === "system" ? event(String(message.body)) : null;
  if (told !== null) return el("div", { class: "wrap muted" }, ...upright(told));
  const body = markdown(String(message.body));
  linkFilesOf(message.id, String(message.body), body);
  return body;
}

/** @param {HTMLElement} row */
function highlight(row) {
  row.scrollIntoView({ block: "center" });
  row.focus({ preventScroll: true });
  row.classList.add("found");
  setTimeout(() => row.classList.remove("found"), MARK_MS);
}
