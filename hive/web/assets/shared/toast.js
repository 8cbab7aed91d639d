// @ts-check
/** Short messages in the corner, read out politely, gone by themselves. */

import { el } from "./dom.js";

const SHOWN_MS = { ok: 6000, bad: 30000 };

/** @returns {HTMLElement} */
function shelf() {
  const found = document.querySelector(".toasts");
  if (found instanceof HTMLElement) return found;
  const made = el("div", { class: "toasts", role: "status", "aria-live": "polite", popover: "manual" });
  document.body.append(made);
  return made;
}

/**
 * Above whatever is open. What stands outside of a modal dialog cannot be pressed and is not read
 * out, so it stands inside, and goes back to the page with what it still shows.
 * @param {HTMLElement} place
 */
function raise(place) {
  const dialog = [...document.querySelectorAll("dialog[open]")].at(-1);
  if (place.matches(":popover-open")) place.hidePopover();
  const home = dialog ?? document.body;
  if (place.parentElement !== home) {
    home.append(place);
    dialog?.addEventListener("close", () => raise(place));
  }
  place.showPopover();
}

/** @param {string} text @param {"ok" | "bad"} [tone] what went wrong stays longer, and can be sent away */
export function toast(text, tone = "ok") {
  const close = el("button", { type: "button", class: "quiet", "aria-label": "Dismiss this message" }, "✕");
  const node = el("div", { class: `toast ${tone}` }, el("span", {}, text), tone === "bad" && close);
  close.addEventListener("click", () => node.remove());
  const place = shelf();
  place.append(node);
  raise(place);
  setTimeout(() => node.remove(), SHOWN_MS[tone]);
}
