// @ts-check
/** Everything by keyboard: a palette of what the page can do, single keys, and a sheet of them. */

import { fitting, meant, stepped } from "./command_match.js";
import { sidePanel } from "./dialog.js";
import { el, remember, remembered, setAttr, setText } from "./dom.js";
import { pageCommands } from "./page_commands.js";
import { reveal } from "./reveal.js";

/** @typedef {import("./command_match.js").Command} Command */
/** @typedef {{keys: string, does: string, run: () => void}} Shortcut a single key and what it does */

const SWITCH = "keys";
const SHOWN = 60;
const WRITING = "input, textarea, select, canvas, [contenteditable]";

/** Whether the operator has switched the single keys off, here as everywhere. */
export const areKeysOff = () => remembered(SWITCH) === "off";

/** @param {string} selector presses the first that can be pressed */
export const press = (selector) => () => {
  const found = /** @type {HTMLElement[]} */ ([...document.querySelectorAll(selector)]);
  found.find((node) => !node.closest("[hidden]"))?.click();
};

/** @param {string} selector gives the focus to the first that is seen, or can be brought into sight */
export const focus = (selector) => () => {
  const found = /** @type {HTMLElement[]} */ ([...document.querySelectorAll(selector)]);
  const seen = found.find((node) => node.checkVisibility()) ?? found.find((node) => !node.closest("[hidden]"));
  if (!seen) return;
  reveal(seen);
  seen.focus();
};

/**
 * @param {HTMLElement} place of the button that opens the palette
 * @param {readonly Shortcut[]} own of this page
 */
export function installCommands(place, own) {
  const sheet = () => showSheet(shortcuts);
  /** @type {readonly Shortcut[]} */
  const shortcuts = [
    ...own,
    { keys: "t", does: "the next colour theme", run: press("#theme") },
    { keys: "l", does: "leet or plain labels", run: press("#words") },
    { keys: "h", does: "hold the log, or let it go on", run: press("#hold") },
    { keys: "?", does: "this list", run: sheet },
  ];
  const open = () => openPalette([...pageCommands(), { name: "Shortcuts of the keyboard", where: "?", run: sheet }]);
  const button = el(
    "button",
    { type: "button", class: "quiet", id: "commands", title: "Commands (Ctrl+K)", "aria-keyshortcuts": "Control+K", "data-no-command": true },
    el("span", { "aria-hidden": "true" }, "⌘"),
    el("span", { class: "sr-only" }, "Commands"),
  );
  button.addEventListener("click", open);
  place.append(button);
  document.addEventListener("keydown", (event) => {
    const isWriting = event.target instanceof Element && event.target.matches(WRITING);
    const key = meant(event, { isWriting, isOff: areKeysOff() });
    if (key === null || event.defaultPrevented || document.querySelector("dialog[open]")) return;
    const run = key === "palette" ? open : shortcuts.find((one) => one.keys === key)?.run;
    if (!run) return;
    event.preventDefault();
    run();
  });
}

/** @param {Command[]} commands */
function openPalette(commands) {
  const list = el("ul", { class: "commands", id: "commands-list", role: "listbox", "aria-label": "Commands", tabindex: "0" });
  const field = el("input", {
    type: "text", role: "combobox", "aria-label": "What to do", "aria-controls": "commands-list",
    "aria-expanded": "true", "aria-autocomplete": "list", autocomplete: "off", spellcheck: "false", placeholder: "what to do",
  });
  const told = el("p", { class: "muted hint", role: "status" });
  const dialog = el("dialog", { class: "palette", "aria-label": "Commands" }, field, list, told);
  /** @type {Command[]} */
  let found = [];
  let at = 0;
  const mark = () => {
    for (const [n, node] of [...list.children].entries()) setAttr(node, "aria-selected", String(n === at));
    setAttr(field, "aria-activedescendant", found.length ? `command-${at}` : null);
    list.children[at]?.scrollIntoView({ block: "nearest" });
  };
  const show = () => {
    const all = fitting(commands, field.value);
    found = all.slice(0, SHOWN);
    at = 0;
    list.replaceChildren(...found.map(option));
    setText(told, all.length ? `${all.length} of ${commands.length} · ↑↓ choose · ↵ do it · Esc close` : "Nothing here is called that.");
    mark();
  };
  /** @param {Command} command @param {number} n */
  const option = ({ name, where }, n) => {
    const node = el("li", { role: "option", id: `command-${n}` }, el("span", {}, name), where && el("span", { class: "muted" }, ` ${where}`));
    node.addEventListener("click", () => choose(n));
    return node;
  };
  /** @param {number} n */
  const choose = (n) => {
    const chosen = found[n];
    if (!chosen) return;
    dialog.close();
    chosen.run();
  };
  dialog.addEventListener("keydown", (event) => {
    if (event.isComposing) return;
    if (event.key === "Enter") choose(at);
    else if (event.key === "ArrowDown") at = stepped(at, 1, found.length);
    else if (event.key === "ArrowUp") at = stepped(at, -1, found.length);
    else return;
    event.preventDefault();
    mark();
  });
  dialog.addEventListener("click", (event) => {
    if (event.target === dialog) dialog.close();
  });
  dialog.addEventListener("close", () => dialog.remove());
  field.addEventListener("input", show);
  document.body.append(dialog);
  dialog.showModal();
  show();
}

/** @param {readonly Shortcut[]} shortcuts */
function showSheet(shortcuts) {
  const fixed = [["Ctrl+K", "everything that can be done here, by name"], [":", "the same"], ["Esc", "close what is open"]];
  const rows = [...fixed, ...shortcuts.map(({ keys, does }) => [keys, does])];
  if (document.querySelector("[aria-keyshortcuts='/']")) rows.push(["/", "search"]);
  const toggle = el("input", { type: "checkbox", id: "single-keys", checked: !areKeysOff() });
  toggle.addEventListener("change", () => remember(SWITCH, toggle.checked ? null : "off"));
  const body = el(
    "div",
    { class: "stack sheet" },
    el("label", { class: "row" }, toggle, el("span", {}, "Single keys act when no field has the focus")),
    el("dl", {}, ...rows.map(([keys, does]) => el("div", {}, el("dt", {}, el("kbd", {}, keys)), el("dd", {}, does)))),
  );
  sidePanel("Shortcuts of the keyboard", body);
}
