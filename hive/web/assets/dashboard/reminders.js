// @ts-check
/** What agents have asked to be told later. */

import { el, keyed, label, setAttr } from "../shared/dom.js";
import { actionForm } from "../shared/form.js";
import { upright } from "../shared/odd.js";
import { duration, ticking } from "../shared/time.js";
import { showFile } from "./file_panel.js";
import { foldedSection } from "./section.js";
import { cancelReminder, retryReminder } from "./urls.js";

/** @typedef {import("../shared/wire.js").Reminder} Reminder */

export function remindersView() {
  const list = el("ul", { class: "stack" });
  const empty = el("p", { class: "empty" }, "No reminders. Agents set them for themselves with the tool ", el("code", {}, "remind"), ".");
  const { root, count } = foldedSection({ id: "reminders", leet: "QU3U3D R3M1ND3RS", plain: "Reminders" }, list, empty);
  /** @param {import("../shared/wire.js").DashboardState} state */
  const update = (state) => {
    keyed(list, state.reminders, (one) => `${one.id} ${one.attempt_count} ${one.due_at} ${one.last_error}`, reminderRow);
    empty.hidden = state.reminders.length > 0;
    const failed = state.reminders.filter((one) => one.last_error).length;
    count(failed ? `${state.reminders.length} · ${failed} failed` : String(state.reminders.length));
    root.classList.toggle("alarm", failed > 0);
  };
  return { root, update };
}

/** After this many failures hive does not try again by itself. */
const ATTEMPTS = 5;
const SOON_S = 60;

/** @param {Reminder} one @returns {boolean} whether it waits for the operator */
export const isGivenUp = (one) => one.attempt_count >= ATTEMPTS;

/** @param {Reminder} one */
function reminderRow(one) {
  const due = el("span", { class: "badge" });
  ticking(due, (now) => {
    const { text, tone } = dueText(one, now);
    setAttr(due, "class", `badge ${tone}`);
    return text;
  });
  const cancel = actionForm(
    {
      url: cancelReminder(one.id),
      leet: "",
      plain: "Cancel",
      tone: "quiet danger",
      danger: true,
      title: `Cancel this reminder of ${one.agent}?`,
      confirm: "It is deleted and never delivered; the agent is not told.",
      button: "Cancel the reminder",
    },
    label("✗ C4NC3L", "Cancel", `this reminder of ${one.agent}`),
  );
  const retry = actionForm(
    { url: retryReminder(one.id), leet: "", plain: "Retry", tone: "warm", done: "It is tried again." },
    label("↻ R3TRY", "Try again", `: this reminder of ${one.agent}`),
  );
  const root = el(
    "li",
    { class: `panel card ${one.last_error ? "failed" : ""}`, "data-reminder": one.id },
    el("div", { class: "row" }, el("strong", {}, one.agent), due, el("span", { class: "row push" }, one.last_error && retry.form, cancel.form)),
    el("p", { class: "wrap" }, ...upright(one.message)),
    one.file_path && fileLink(one.agent, one.file_path),
    one.last_error && el("p", { class: "form-error" }, `${one.attempt_count} failed${isGivenUp(one) ? ", given up until it is tried again" : ""}: ${one.last_error}`),
  );
  return { root, update: () => undefined };
}

/** @param {Reminder} one @param {number} now @returns {{text: string, tone: string}} to the second near it; pure */
export function dueText(one, now) {
  const left = one.due_at - now;
  if (left >= 0) return { text: `due in ${duration(left)}`, tone: left < SOON_S ? "warm" : "calm" };
  return { text: `overdue by ${duration(-left)}`, tone: "danger" };
}

/** @param {string} agent @param {string} path as it is in its container */
function fileLink(agent, path) {
  const button = el("button", { type: "button", class: "link file" }, path);
  button.addEventListener("click", () => void showFile(path.startsWith("/state/") ? `/agents/${agent}${path}` : path));
  return el("p", {}, button);
}
