// @ts-check
/** An agent's row as one line, where agents are many: what it says, and how it is opened. */

import { el, setAttr, setText } from "../shared/dom.js";
import { upright } from "../shared/odd.js";
import { REVEAL } from "../shared/reveal.js";

/** @param {string} name of the agent */
export function foldOf(name) {
  const sign = el("span", { "aria-hidden": "true" });
  const button = el("button", { type: "button", class: "quiet fold", "aria-label": `All of ${name}` }, sign);
  const brief = el("span", { class: "brief" });
  /** @type {HTMLElement | null} */
  let root = null;
  let isMany = false;
  let isOpen = false;
  let said = "";
  const show = () => {
    button.hidden = !isMany;
    setText(sign, isOpen ? "▾" : "▸");
    setAttr(button, "aria-expanded", String(isOpen));
    root?.classList.toggle("line", isMany && !isOpen);
    brief.hidden = !isMany || isOpen;
  };
  /** @param {boolean} wanted */
  const open = (wanted) => {
    isOpen = wanted;
    show();
  };
  button.addEventListener("click", () => open(!isOpen));
  /** @param {HTMLElement} row of the agent, whose first child is its line */
  const listen = (row) => {
    root = row;
    row.addEventListener(REVEAL, () => isMany && open(true));
    row.firstElementChild?.addEventListener("click", (event) => {
      const isOther = event.target instanceof Element && event.target.closest("a, button, form");
      if (isMany && !isOther) open(!isOpen);
    });
  };
  /** @param {import("./container_row.js").Shown} now */
  const update = ({ row, isMany: areMany, isBroken }) => {
    // Whoever works in it when the eleventh agent comes is not sent away.
    if (areMany && !isMany && root?.contains(document.activeElement)) isOpen = true;
    isMany = areMany;
    show();
    const text = (row.note ? row.why?.sentence : row.status_text) ?? "";
    if (text !== said) brief.replaceChildren(...upright(text));
    said = text;
    setAttr(brief, "class", isBroken ? "brief bad" : "brief");
  };
  return { button, brief, listen, update };
}
