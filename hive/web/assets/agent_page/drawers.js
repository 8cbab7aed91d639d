// @ts-check
/** Above the terminal: the agent's newest mail, and what is still open. */

import { getJson } from "../shared/api.js";
import { el, keyed, label, setText } from "../shared/dom.js";
import { drafted, questionDraft } from "../shared/drafts.js";
import { actionForm, growing } from "../shared/form.js";
import { inTurn } from "../shared/in_turn.js";
import { markdown } from "../shared/markdown.js";
import { upright } from "../shared/odd.js";
import { originMark } from "../shared/origin.js";
import { relative, ticking, timeTag } from "../shared/time.js";
import { DASHBOARD, LOOSE_ENDS, answerQuestion, cancelQuestion, cancelReminder, markAllRead } from "./urls.js";

/** @typedef {import("../shared/wire.js").MessageRow} MessageRow */
/** @typedef {import("../shared/wire.js").LooseEnd} LooseEnd */

/** @param {{id: string, leet: string, plain: string}} about */
function drawer(about) {
  const count = el("span", { class: "number" });
  const list = el("ul", { class: "drawer-list", tabindex: "0", "aria-label": about.plain });
  const root = el(
    "details",
    { class: "drawer", id: about.id, hidden: true },
    el("summary", {}, ...label(about.leet, about.plain), " ", count),
    list,
  );
  return { root, list, count };
}

/** @param {string} name of the agent @param {() => void} again reads the inbox anew */
export function inboxDrawer(name, again) {
  const { root, list, count } = drawer({ id: "inbox", leet: "✉ 1NB0X", plain: "Inbox of the agent" });
  const read = actionForm(
    {
      url: markAllRead(name),
      leet: "",
      plain: "Mark all read",
      tone: "quiet warm",
      title: `Mark everything in ${name}'s inbox as read?`,
      confirm: "What waits is acknowledged unread: the agent is never handed it.",
      button: "Mark all read",
      danger: true,
      done: "Nothing waits any more.",
    },
    label("✓ M4RK 4LL R34D", "Mark all read"),
  );
  list.before(el("div", { class: "drawer-tools" }, read.form));
  read.form.addEventListener("hive:done", again);
  /** @param {MessageRow[]} rows newest first */
  const update = (rows) => {
    keyed(list, rows, (row) => String(row.id), mail);
    root.hidden = rows.length === 0;
    const waiting = rows.filter((row) => row.delivered_at === null).length;
    const open = rows.filter((row) => row.acked_at === null).length;
    setText(count, waiting ? `${waiting} waiting` : String(rows.length));
    read.form.hidden = open === 0;
  };
  return { root, update };
}

/** @param {MessageRow} row */
function mail(row) {
  const state = el("span", { class: "tag" });
  const isReply = row.in_reply_to !== null && row.in_reply_to !== undefined;
  const root = el(
    "li",
    { class: isReply ? "item reply" : "item" },
    el(
      "div",
      { class: "row" },
      timeTag(row.sent_at),
      el("strong", {}, row.from),
      originMark(row),
      isReply && el("span", { class: "tag" }, "↳ reply"),
      state,
    ),
    el("div", { class: "wrap" }, ...upright(row.body)),
  );
  /** @param {MessageRow} now */
  const update = (now) => {
    setText(state, now.acked_at !== null ? "" : now.delivered_at !== null ? "being worked on" : "waits");
  };
  return { root, update };
}

export function looseEndsDrawer() {
  const { root, list, count } = drawer({ id: "loose-ends", leet: "⌇ L00S3 3NDS", plain: "Loose ends" });
  let hasOpened = false;
  /** @param {LooseEnd[]} rows */
  const show = (rows) => {
    keyed(list, rows, (row) => `${row.kind} ${row.id}`, looseEnd);
    root.hidden = rows.length === 0;
    setText(count, String(rows.length));
    if (rows.length > 0 && !hasOpened) {
      hasOpened = true;
      root.open = true;
    }
  };
  const refresh = inTurn(async () => {
    try {
      const answer = await getJson(LOOSE_ENDS);
      show(answer.loose_ends ?? []);
    } catch {
      return; // the connection badge says it; what was shown stays
    }
  });
  root.addEventListener("hive:done", () => void refresh());
  return { root, refresh };
}

/** @param {LooseEnd} row */
function looseEnd(row) {
  const who = row.kind === "question" ? `${row.asker ?? "?"} → ${row.target ?? "operator"}` : (row.owner ?? row.asker ?? "");
  const age = el("span", { class: "time" });
  const due = el("span", { class: "time" });
  const canAnswer = row.kind === "question";
  const root = el(
    "li",
    { class: "item" },
    el("div", { class: "row" }, el("span", { class: "chip" }, row.kind), el("strong", {}, who), age, due, el("span", { class: "push" }, ending(row))),
    markdown(row.text),
    canAnswer && answerForm(row),
  );
  /** @param {LooseEnd} now */
  const update = (now) => {
    const began = Date.now() / 1000 - now.age_seconds;
    ticking(age, (at) => relative(at - began));
    const { due_at: end } = now;
    if (end) ticking(due, (at) => `due ${relative(at - end)}`);
  };
  return { root, update };
}

/** @param {LooseEnd} row @returns {Node | null} how the operator ends it without an answer */
function ending(row) {
  if (row.kind === "approval") return el("a", { href: `${DASHBOARD}#approval-${row.id}` }, "decide on the dashboard");
  if (row.kind !== "question" && row.kind !== "reminder") return null;
  const isQuestion = row.kind === "question";
  const about = isQuestion
    ? { url: cancelQuestion(row.id), confirm: "Whoever asked is told that it was cancelled.", button: "Cancel the question" }
    : { url: cancelReminder(row.id), confirm: "It is deleted and never delivered; the agent is not told.", button: "Cancel the reminder" };
  const plain = `Cancel ${row.kind} ${row.id}`;
  return actionForm({ ...about, leet: "", plain, tone: "quiet danger", danger: true, title: `${plain}?` }, label("✗ C4NC3L", plain)).form;
}

/** @param {LooseEnd} row */
function answerForm(row) {
  const area = el("textarea", {
    name: "answer",
    rows: 1,
    required: true,
    "aria-label": `Answer question ${row.id} as the operator`,
    placeholder: row.options?.length ? "choose above, or type your own…" : "answer as the operator…",
  });
  const options = (row.options ?? []).map((option) => {
    const pick = el("button", { type: "button", class: "option wrap" }, option);
    pick.addEventListener("click", () => {
      area.value = option;
      area.dispatchEvent(new Event("input", { bubbles: true }));
      area.focus();
    });
    return pick;
  });
  const form = el(
    "form",
    { class: "answer", action: answerQuestion(row.id), method: "post", "data-async": true },
    options.length > 0 && el("div", { class: "row options" }, ...options),
    el(
      "div",
      { class: "row entry" },
      area,
      el("button", { class: "go" }, ...label("◆ 4NSW3R", `Answer question ${row.id}`)),
    ),
  );
  const grow = growing(area, () => form.requestSubmit());
  drafted(area, questionDraft(row.id, row.text));
  requestAnimationFrame(grow);
  return form;
}
