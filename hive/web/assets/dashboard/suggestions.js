// @ts-check
/** The list of names under a text area: arrows move, Tab or Enter takes, Esc closes. */

import { el, setAttr, setText } from "../shared/dom.js";

/**
 * @param {HTMLTextAreaElement} area
 * @param {() => string[] | null} offer what fits now, null for nothing
 * @param {(name: string) => void} take
 */
export function suggestions(area, offer, take) {
  const list = el("ul", { class: "suggestions panel", role: "listbox", id: `${area.id}-names`, "aria-label": "Recipients", tabindex: "0", hidden: true });
  // A text area of several lines may not be called a combobox: what is offered is told in words.
  const told = el("span", { class: "sr-only", role: "status" });
  /** @type {string[]} */
  let names = [];
  let at = 0;
  setAttr(area, "aria-autocomplete", "list");
  setAttr(area, "aria-controls", list.id);
  const show = () => {
    list.hidden = names.length === 0;
    setText(told, names.length === 0 ? "" : `${names.length} fit: ${names[at]}`);
    setAttr(area, "aria-activedescendant", names.length > 0 ? `${list.id}-${at}` : null);
    list.replaceChildren(...names.map((name, index) => option(name, index)));
    list.children[at]?.scrollIntoView({ block: "nearest" });
  };
  /** @param {string} name @param {number} index */
  const option = (name, index) => {
    const node = el("li", { role: "option", id: `${list.id}-${index}`, "aria-selected": String(index === at) }, `@${name}`);
    node.addEventListener("pointerdown", (event) => {
      event.preventDefault();
      choose(name);
    });
    return node;
  };
  const close = () => {
    names = [];
    show();
  };
  /** @param {string} name */
  const choose = (name) => {
    close();
    take(name);
  };
  area.addEventListener("input", () => {
    names = offer() ?? [];
    at = 0;
    show();
  });
  area.addEventListener("blur", close);
  /** @param {KeyboardEvent} event @returns {boolean} whether the list used the key */
  const key = (event) => {
    if (names.length === 0 || event.isComposing) return false;
    if (event.key === "ArrowDown") at = (at + 1) % names.length;
    else if (event.key === "ArrowUp") at = (at + names.length - 1) % names.length;
    else if (event.key === "Escape") names = [];
    else if (event.key === "Tab" || event.key === "Enter") {
      event.preventDefault();
      choose(names[at]);
      return true;
    } else return false;
    event.preventDefault();
    show();
    return true;
  };
  return { list, told, key };
}
