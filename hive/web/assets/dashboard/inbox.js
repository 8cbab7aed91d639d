// @ts-check
/** Messages to the operator, newest first. */

import { el, keyed, label, setAttr, setText } from "../shared/dom.js";
import { actionForm } from "../shared/form.js";
import { markdown } from "../shared/markdown.js";
import { originMark } from "../shared/origin.js";
import { timeTag } from "../shared/time.js";
import { linkFilesOf } from "./file_refs.js";
import { section } from "./section.js";
import { unreadCount } from "./state.js";
import { senderTone } from "./tones.js";
import { markAllRead, markRead } from "./urls.js";

/** @typedef {import("../shared/wire.js").MessageRow} MessageRow */

const SNAPSHOT_ROWS = 50;

/**
 * @param {(message: MessageRow) => void} reply @param {(id: number) => void} thread opens that of a message
 * @param {() => void} all shows every message to the operator in the flow
 */
export function inboxView(reply, thread, all) {
  const list = el("ol", { class: "inbox panel", tabindex: "0", "aria-label": "Messages to you, newest first" });
  const empty = el(
    "p",
    { class: "empty" },
    el("strong", {}, "No mail."),
    " What agents send to ",
    el("code", {}, "operator"),
    " arrives here.",
  );
  const older = el("button", { type: "button", class: "quiet calm older", hidden: true }, "All of them in the message flow");
  older.addEventListener("click", all);
  // What was not read for long is known, and drawn when it is wanted: there may be hundreds.
  const rest = el("button", { type: "button", class: "quiet calm older", hidden: true });
  let isWhole = false;
  /** @type {import("../shared/wire.js").DashboardState | null} */
  let last = null;
  rest.addEventListener("click", () => {
    isWhole = true;
    if (last) update(last);
    list.focus({ preventScroll: true });
  });
  const read = actionForm(
    { url: markAllRead("operator"), leet: "", plain: "Mark all read", tone: "quiet calm" },
    label("✓ 4LL R34D", "Mark all as read"),
  );
  const { root, header, count } = section(
    { id: "inbox", leet: "0PER4T0R 1NB0X", plain: "Operator inbox" },
    list,
    rest,
    older,
    empty,
  );
  header.append(read.form);
  /** @param {import("../shared/wire.js").DashboardState} state */
  const update = (state) => {
    last = state;
    keyed(list, isWhole ? state.inbox : state.inbox.slice(0, SNAPSHOT_ROWS), (row) => String(row.id), (row) => messageRow(row, reply, thread));
    const unread = unreadCount(state);
    list.hidden = state.inbox.length === 0;
    rest.hidden = isWhole || state.inbox.length <= SNAPSHOT_ROWS;
    const hidden = state.inbox.length - SNAPSHOT_ROWS;
    setText(rest, `${hidden} older ${hidden === 1 ? "one" : "ones"} that you have not read`);
    older.hidden = state.inbox.length < SNAPSHOT_ROWS;
    empty.hidden = state.inbox.length > 0;
    read.form.hidden = unread === 0;
    count(unread ? `${unread} unread` : "");
  };
  return { root, update };
}

/** @param {MessageRow} message @param {(message: MessageRow) => void} reply @param {(id: number) => void} thread */
function messageRow(message, reply, thread) {
  const button = el("button", { type: "button", class: "quiet calm reply" }, ...label("↳ R3PLY", "Reply", `to ${message.from}`));
  button.addEventListener("click", () => reply(message));
  const whole = el("button", { type: "button", class: "quiet", title: "the whole thread, and a box to answer in" }, ...label("⌥ THR34D", "Thread", `of message ${message.id}`));
  whole.addEventListener("click", () => thread(message.id));
  const read = actionForm(
    { url: markRead(message.id), leet: "", plain: "Mark as read", tone: "quiet calm" },
    label("✓ R34D", "Mark as read", `: what ${message.from} writes`),
  );
  const isNew = el("span", { class: "sr-only" }, "unread");
  const body = markdown(message.body);
  linkFilesOf(message.id, message.body, body);
  const root = el(
    "li",
    { class: "mail", "data-message": message.id },
    el(
      "div",
      { class: "row" },
      isNew,
      el("span", { class: `who ${senderTone(message)}` }, message.from),
      originMark(message),
      message.in_reply_to !== null && el("a", { class: "tag", href: `#message-${message.in_reply_to}`, title: `to message ${message.in_reply_to}` }, "↳ reply"),
      timeTag(message.sent_at, "ago"),
      el("span", { class: "row narrow push" }, read.form, whole, button),
    ),
    body,
  );
  /** @param {MessageRow} now */
  const update = (now) => {
    setAttr(root, "data-unread", now.acked_at === null ? "" : null);
    isNew.hidden = now.acked_at !== null;
    read.form.hidden = now.acked_at !== null;
  };
  return { root, update };
}
