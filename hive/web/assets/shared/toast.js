// @ts-check
/** Short messages in the corner, read out politely, gone by themselves. */

import { el } from "./dom.js";

const SHOWN_MS = 6000;

/** @returns {HTMLElement} */
function shelf() {
  const found = document.querySelector(".toasts");
  if (found instanceof HTMLElement) return found;
  const made = el("div", { class: "toasts", role: "status", "aria-live": "polite" });
  document.body.append(made);
  return made;
}

/** @param {string} text @param {"ok" | "bad"} [tone] */
export function toast(text, tone = "ok") {
  const node = el("div", { class: `toast ${tone}` }, text);
  shelf().append(node);
  setTimeout(() => node.remove(), SHOWN_MS);
}
