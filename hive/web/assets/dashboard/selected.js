// @ts-check
/** Going through what waits for the operator by keyboard, and deciding it where the focus is. */

import { stepped } from "../shared/command_match.js";
import { reveal } from "../shared/reveal.js";

const WAITING = "#approvals [data-approval], #questions [data-question]";

/** @param {1 | -1} step */
export function nextWaiting(step) {
  const cards = /** @type {HTMLElement[]} */ ([...document.querySelectorAll(WAITING)]).filter((card) => !card.closest("[hidden]"));
  const at = cards.findIndex((card) => card.contains(document.activeElement));
  const card = cards[stepped(at, step, cards.length)];
  if (!card) return;
  card.tabIndex = -1;
  reveal(card);
  card.scrollIntoView({ block: "nearest" });
  card.focus({ preventScroll: true });
}

/** Press a button of the approval that has the focus. @param {string} button */
export function decide(button) {
  const card = document.activeElement?.closest("[data-approval]");
  const found = card?.querySelector(`button${button}`);
  if (found instanceof HTMLElement) found.click();
}
