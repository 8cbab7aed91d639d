// @ts-check
/** The colour of whoever writes or is written to. Pure. */

import { isOutside } from "../shared/origin.js";

/** @param {string} name @returns {string} the tone of a principal */
export function toneOf(name) {
  if (name === "operator") return "p-operator";
  if (name === "manager") return "p-manager";
  return name === "system" || name === "reminder" ? "p-system" : "p-agent";
}

/** @param {any} message a row or a frame @returns {string} no label looks like a principal */
export function senderTone(message) {
  return isOutside(message) ? "p-outside" : toneOf(message.from);
}
