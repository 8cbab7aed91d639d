// @ts-check
/** What the operator must know before trusting what the page shows. */

import { el, keyed } from "../shared/dom.js";

/** @typedef {import("../shared/wire.js").DashboardState} State */
/** @typedef {import("../shared/wire.js").Notice} Notice */

/** @param {State} state @returns {Notice[]} the daemon's own, then what the rows tell */
export function noticesOf(state) {
  const shut = state.containers.filter((row) => row.needs_login).map((row) => row.name);
  return [
    ...state.notices.map((one) => (state.demo && one.level === "info" ? { ...one, level: "demo" } : one)),
    ...(shut.length ? [{ level: "warning", message: loginAdvice(shut) }] : []),
    ...(state.forge.trouble ? [{ level: "warning", message: `The forge: ${state.forge.trouble}` }] : []),
  ];
}

/** @param {string[]} names */
function loginAdvice(names) {
  return (
    `claude is not logged in for ${names.join(", ")}: messages wait. Stop the hive, set ` +
    "ANTHROPIC_API_KEY or CLAUDE_CODE_OAUTH_TOKEN (`claude setup-token` makes one), and start it " +
    "again; or try everything without an account by --demo."
  );
}

/** @type {Record<string, [string, string]>} */
const LOOK = {
  demo: ["◈", "Demonstration"],
  error: ["✗", "Error"],
  warning: ["!", "Warning"],
};

/** @param {HTMLElement} place */
export function noticesView(place) {
  /** @param {State} state */
  const update = (state) => {
    keyed(place, noticesOf(state), (one) => `${one.level} ${one.message}`, (one) => {
      const [glyph, word] = LOOK[one.level] ?? ["·", "Note"];
      const root = el(
        "p",
        { class: `strip ${one.level}`, role: "note" },
        el("span", { "aria-hidden": "true" }, glyph),
        el("span", { class: "sr-only" }, `${word}: `),
        el("span", {}, one.message),
      );
      return { root, update: () => undefined };
    });
  };
  return { update };
}
