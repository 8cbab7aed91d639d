// @ts-check
/** Why the agent does not work: the daemon's own sentence, asked for whenever something changes. */

import { getJson } from "../shared/api.js";
import { inTurn } from "../shared/in_turn.js";
import { why } from "./urls.js";

/** @typedef {import("../shared/wire.js").Reason} Reason */

/** A harness tells the page and the daemon at the same time; the daemon needs a moment to look. */
const SOON_MS = 250;
const AGAIN_MS = 3000;
const WELL_MS = 30000;

/**
 * @param {string} name @param {(reason: Reason) => void} show
 * @returns {() => void} asks anew, soon
 */
export function whyWatch(name, show) {
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  let timer;
  let isWell = true;
  const look = inTurn(async () => {
    try {
      /** @type {Reason} */
      const reason = await getJson(why(name));
      isWell = reason.level === "info";
      show(reason);
    } catch {
      isWell = true; // the connection badge says it; what was shown stays
    }
  });
  /** @param {number} ms */
  const later = (ms) => {
    clearTimeout(timer);
    timer = setTimeout(async () => {
      if (!document.hidden) await look();
      later(isWell ? WELL_MS : AGAIN_MS);
    }, ms);
  };
  return () => later(SOON_MS);
}

/** @param {Reason | null} reason @returns {{tone: string, text: string} | null} what somebody should read of it */
export function whyStrip(reason) {
  if (!reason || reason.level === "info") return null;
  const tone = reason.level === "error" ? "error" : "warning";
  const text = capital(reason.sentence);
  return { tone, text: reason.mend ? `${text} — ${reason.mend}.` : `${text}.` };
}

/** @param {string} text */
const capital = (text) => text.slice(0, 1).toUpperCase() + text.slice(1);
