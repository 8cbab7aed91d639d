// @ts-check
/** What the operator must know before trusting what the page shows. */

import { el, keyed } from "../shared/dom.js";
import { agentPage } from "./urls.js";

/** @typedef {import("../shared/wire.js").DashboardState} State */
/** @typedef {import("../shared/wire.js").Notice} Notice */

/** @typedef {Notice & {agents?: string[]}} Shown whom it is about, each with a link to its page */

/** @param {State} state @returns {Shown[]} the daemon's own, then what the rows tell */
export function noticesOf(state) {
  const shut = state.containers.filter((row) => row.needs_login).map((row) => row.name);
  return [
    ...state.notices.map((one) => (state.demo && one.level === "info" ? { ...one, level: "demo" } : one)),
    ...(shut.length ? [{ level: "warning", message: NO_LOGIN, agents: shut }] : []),
    ...(state.forge.trouble ? [{ level: "warning", message: `The forge: ${state.forge.trouble}` }] : []),
  ];
}

const NO_LOGIN =
  "claude is not logged in, and messages wait. Log each of these in on its page, or start the hive " +
  "with ANTHROPIC_API_KEY or CLAUDE_CODE_OAUTH_TOKEN (`claude setup-token` makes one): ";

/** @type {Record<string, [string, string]>} */
const LOOK = {
  demo: ["◈", "Demonstration"],
  error: ["✗", "Error"],
  warning: ["!", "Warning"],
};

/** @param {string} name @param {number} n */
const linked = (name, n) => [n ? ", " : "", el("a", { href: agentPage(name) }, name)];

/** @param {HTMLElement} place */
export function noticesView(place) {
  /** @param {State} state */
  const update = (state) => {
    keyed(place, noticesOf(state), (one) => JSON.stringify(one), (one) => {
      const [glyph, word] = LOOK[one.level] ?? ["·", "Note"];
      const root = el(
        "p",
        { class: `strip ${one.level}`, role: "note" },
        el("span", { "aria-hidden": "true" }, glyph),
        el("span", { class: "sr-only" }, `${word}: `),
        el("span", {}, one.message, ...(one.agents ?? []).flatMap(linked)),
      );
      return { root, update: () => undefined };
    });
  };
  return { update };
}
