// @ts-check
/** Above the terminal: the agent's newest mail, and what is still open. */

import { getJson } from "../shared/api.js";
import { el, keyed, label, setText } from "../shared/dom.js";
import { growing } from "../shared/form.js";
import { inTurn } from "../shared/in_turn.js";
import { markdown } from "../shared/markdown.js";
import { originMark } from "../shared/origin.js";
import { relative, timeTag } from "../shared/time.js";
import { LOOSE_ENDS, answerQuestion } from "./urls.js";

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

export function inboxDrawer() {
  const { root, list, count } = drawer({ id: "inbox", leet: "✉ 1NB0X", plain: "Inbox of the agent" });
  /** @param {MessageRow[]} rows newest first */
  const update = (rows) => {
    keyed(list, rows, (row) => String(row.id), mail);
    root.hidden = rows.length === 0;
    const waiting = rows.filter((row) => row.delivered_at === null).length;
    setText(count, waiting ? `${waiting} waiting` : String(rows.length));
  };
  return { root, update };
}

/** @param {MessageRow} row */
function mail(row) {
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
    ),
    el("div", { class: "wrap" }, row.body),
  );
  return { root, update: () => undefined };
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
  const canAnswer = row.kind === "question";
  const root = el(
    "li",
    { class: "item" },
    el("div", { class: "row" }, el("span", { class: "chip" }, row.kind), el("strong", {}, who), age),
    markdown(row.text),
    canAnswer && answerForm(row),
  );
  /** @param {LooseEnd} now */
  const update = (now) => {
    const due = now.due_at ? ` · due ${relative(Date.now() / 1000 - now.due_at)}` : "";
    setText(age, relative(now.age_seconds) + due);
  };
  return { root, update };
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
  growing(area, () => form.requestSubmit());
  return form;
}
