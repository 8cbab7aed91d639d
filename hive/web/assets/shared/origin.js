// @ts-check
/** Where a message came from, as the daemon marked it: a word beside its sender. */

import { el } from "./dom.js";

/** @type {Record<string, string>} */
const WORDS = {
  operator: "the operator",
  peer: "an agent",
  system: "hive itself",
  external: "an outside source",
};
const OUTSIDE = "external";

/** @param {string} origin @returns {string} */
const words = (origin) => WORDS[origin] ?? origin;

/**
 * @param {{origin?: string | null, via?: string[]}} message
 * @returns {string} "from an outside source, goes back to the operator and an agent"
 */
export function originText(message) {
  const from = message.origin ? `from ${words(message.origin)}` : "";
  const via = message.via?.length ? `goes back to ${message.via.map(words).join(" and ")}` : "";
  return [from, via].filter(Boolean).join(", ");
}

/** @param {any} message a row or a frame @returns {boolean} */
export const isOutside = (message) => message.origin === OUTSIDE;

/**
 * What stands beside a sender: the mark itself for whoever cannot see colours, and a badge where
 * the outside is in it.
 * @param {any} message a row or a frame
 * @returns {HTMLElement | null}
 */
export function originMark(message) {
  const text = originText(message);
  if (!text) return null;
  const sign = isOutside(message) ? "outside" : message.via?.includes(OUTSIDE) ? "↩ outside" : "";
  const hidden = el("span", { class: "sr-only" }, `(${text})`);
  if (!sign) return hidden;
  const badge = el("span", { class: "badge warm", title: text, "aria-hidden": "true" }, sign);
  return el("span", { class: "origin" }, badge, hidden);
}
