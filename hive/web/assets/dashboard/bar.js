// @ts-check
/** The bar that stays in sight: is it live, and what waits for the operator. */

import { el, setAttr, setText } from "../shared/dom.js";
import { drawn } from "../shared/signs.js";
import { appearance } from "../shared/theme.js";
import { jobsOf, operatorQuestions, unreadCount } from "./state.js";

/** @typedef {import("../shared/wire.js").DashboardState} State */

/** @param {HTMLElement} place @param {HTMLElement} connection @param {HTMLElement} search */
export function barView(place, connection, search) {
  const links = [
    jump("containers", "◇", "running", (state) => state.containers.filter((row) => row.running).length, "go"),
    jump("approvals", "◆", "approvals", (state) => state.approvals.length, "warm"),
    jump("questions", "?", "questions", (state) => operatorQuestions(state).length, "warm"),
    jump("jobs", "◐", "in the queue", (state) => jobsOf(state.jobs).open.length, "calm"),
    jump("inbox", "✉", "unread", unreadCount, "mauve"),
  ];
  place.append(connection, ...links.map((one) => one.root), search, el("span", { class: "push" }, appearance()));
  /** @param {State} state */
  const update = (state) => {
    for (const one of links) one.update(state);
  };
  return { update };
}

/**
 * @param {string} id @param {string} glyph @param {string} word
 * @param {(state: State) => number} count @param {string} tone when there is something
 */
function jump(id, glyph, word, count, tone) {
  const number = el("span", { class: "number" });
  const said = el("span", { class: "word" }, word);
  const root = el(
    "a",
    { class: "badge jump", href: `#${id}`, title: word },
    el("span", { "aria-hidden": "true" }, ...drawn(glyph)),
    number,
    said,
  );
  /** @param {State} state */
  const update = (state) => {
    const now = count(state);
    setText(number, String(now));
    setText(said, now === 1 ? word.replace(/s$/, "") : word);
    setAttr(root, "class", `badge jump ${now ? tone : ""}`);
  };
  return { root, update };
}
