// @ts-check
/** What is handed to a screen: who comes; and while it is held special keys, and texts. */

import { el, label } from "../shared/dom.js";
import { CHORDS, TYPED_MOST, strokes, typed } from "./screen_keys.js";

/** @typedef {(strokes: [import("./screen_keys.js").Key, boolean][]) => void} Press */

/** @param {Press} press @returns {HTMLElement} */
export function keysMenu(press) {
  const buttons = CHORDS.map(([name, keys]) =>
    el("button", { type: "button", "data-chord": name, on: { click: () => press(strokes(keys)) } }, name),
  );
  return opened("keys", label("⌨ K3YS", "Special keys"), el("div", { class: "row", role: "group", "aria-label": "Press on the screen" }, ...buttons));
}

/**
 * A text field for both directions. What the screen copies is only shown: a page may not put what
 * an agent chose into the clipboard of who looks at it.
 * @param {{copy: (text: string) => void, press: Press}} to
 */
export function handPanel(to) {
  const field = el("textarea", { id: "hand-text", rows: 3, maxlength: TYPED_MOST, spellcheck: "false" });
  const said = el("p", { class: "hint", role: "status" });
  /** @param {string} text */
  const say = (text) => {
    said.textContent = text;
  };
  const copy = el("button", { type: "button", id: "hand-copy" }, "To its clipboard");
  const type = el("button", { type: "button", id: "hand-type" }, "Type it there");
  copy.addEventListener("click", () => {
    to.copy(field.value);
    say("Its clipboard holds this now.");
  });
  type.addEventListener("click", () => {
    to.press(typed(field.value).flatMap((key) => strokes([key])));
    say("Typed.");
  });
  field.addEventListener("input", () => say(""));
  const root = opened(
    "hands",
    label("✂ CL1PB04RD", "Clipboard and text"),
    el("div", { class: "stack" }, el("label", { class: "field" }, "Text for the screen, or copied there", field), el("div", { class: "row" }, copy, type), said),
  );
  /** @param {string} text copied on the screen */
  const show = (text) => {
    field.value = text.slice(0, TYPED_MOST);
    say(text.length > TYPED_MOST ? "Copied on the screen; the end is cut off." : "Copied on the screen.");
  };
  return { root, show };
}

/** What is asked for, by what the VNC server calls it. @type {[string, string, string][]} */
const ASKED = [
  ["username", "Name", "text"],
  ["password", "Password", "password"],
];

/** @param {(given: Record<string, string>) => void} then */
export function passwordForm(then) {
  const fields = ASKED.map(([key, name, type]) => {
    const input = el("input", { type, id: `screen-${key}`, autocomplete: "off", maxlength: 200 });
    return { key, input, root: el("label", { class: "field", hidden: true }, name, input) };
  });
  const root = el("form", { class: "stack", id: "password", hidden: true }, ...fields.map((each) => each.root), el("div", { class: "row" }, el("button", { class: "go" }, "Show the screen")));
  root.addEventListener("submit", (event) => {
    event.preventDefault();
    const given = Object.fromEntries(fields.filter((each) => !each.root.hidden).map(({ key, input }) => [key, input.value]));
    for (const { input } of fields) input.value = "";
    then(given);
  });
  /** @param {readonly string[]} wanted */
  const ask = (wanted) => {
    for (const each of fields) each.root.hidden = !wanted.includes(each.key);
    fields.find((each) => !each.root.hidden)?.input.focus();
  };
  return { root, ask };
}

/** @param {string} id @param {(Node | string)[]} title @param {HTMLElement} content @returns {HTMLElement} */
function opened(id, title, content) {
  const root = el("details", { class: "drop", id }, el("summary", { class: "button quiet" }, ...title), el("div", { class: "panel card" }, content));
  // It lies over the screen, which is where the next click is meant to go.
  document.addEventListener("pointerdown", (event) => {
    if (event.target instanceof Node && !root.contains(event.target)) root.removeAttribute("open");
  });
  root.addEventListener("keydown", (event) => {
    if (event.key !== "Escape" || !root.hasAttribute("open")) return;
    root.removeAttribute("open");
    root.querySelector("summary")?.focus();
  });
  return root;
}
