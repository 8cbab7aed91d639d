// @ts-check
/** What the operator must know before trusting what the page shows. */

import { el, keyed } from "../shared/dom.js";

/** @typedef {import("../shared/wire.js").DashboardState} State */
/** @typedef {import("../shared/wire.js").Notice} Notice */

const DEMO =
  "Demonstration: a script plays the agents here. Nothing you read was written by Claude, and no account is used. Start without --demo for real agents.";
const BARE =
  "No isolation: agents run as plain processes with all your rights on this machine. Install bubblewrap and start again without --containers process to put each into its own sandbox.";

/** @param {State} state @returns {Notice[]} */
export function noticesOf(state) {
  const told = new Set(state.notices.map((one) => one.level));
  return [
    ...(state.demo && !told.has("demo") ? [{ level: "demo", message: DEMO }] : []),
    ...(state.isolation === "process" && !told.has("isolation") ? [{ level: "warn", message: BARE }] : []),
    ...state.notices,
  ];
}

/** @type {Record<string, [string, string]>} */
const LOOK = { demo: ["◈", "Demo"], error: ["✗", "Error"], warn: ["!", "Warning"], warning: ["!", "Warning"] };

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
