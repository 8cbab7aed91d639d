// @ts-check
/** What a diff is compared with and how it is drawn: the buttons above it. */

import { el, remember, remembered, setAttr } from "../shared/dom.js";

/** @type {[string, string, string][]} */
const BASES = [
  ["running", "what runs", "compared with what runs now"],
  ["approved", "last approved", "compared with the last proposal you approved"],
  ["queued", "previous in queue", "compared with the proposal that waits before this one"],
];
/** @type {[string, string, string]} */
const REVIEWED = ["reviewed", "as reviewed", "compared with what its comments were written on"];
const SPLIT = "diff-split";
/** Narrower than this two halves beside each other cannot be read. */
const WIDE = matchMedia("(min-width: 64rem)");

/** @param {boolean} isReviewed whether there are comments of a decision @param {() => void} changed */
export function switches(isReviewed, changed) {
  let base = isReviewed ? "reviewed" : "running";
  let ignoresSpace = false;
  const list = isReviewed ? [REVIEWED, ...BASES] : BASES;
  const buttons = list.map(([name, word, title]) => {
    const button = el("button", { type: "button", title }, word);
    button.addEventListener("click", () => {
      base = name;
      changed();
    });
    return { name, button };
  });
  const split = el("button", { type: "button", class: "calm split", title: "One side beside the other (s)" }, "side by side");
  const space = el("button", { type: "button", class: "calm", title: "Leave out changes of white space (w)" }, "without white space");
  const toggleSplit = () => {
    remember(SPLIT, remembered(SPLIT) ? null : "on");
    changed();
  };
  const toggleSpace = () => {
    ignoresSpace = !ignoresSpace;
    changed();
  };
  split.addEventListener("click", toggleSplit);
  space.addEventListener("click", toggleSpace);
  const isSplit = () => WIDE.matches && remembered(SPLIT) !== null;
  const root = el(
    "div",
    { class: "row diff-switches" },
    el("div", { class: "row bases", role: "group", "aria-label": "Compared with" }, el("span", { class: "muted" }, "against"), ...buttons.map((one) => one.button)),
    el("div", { class: "row push", role: "group", "aria-label": "Shown" }, split, space),
  );
  const tell = () => {
    for (const one of buttons) setAttr(one.button, "aria-pressed", String(one.name === base));
    setAttr(split, "aria-pressed", String(isSplit()));
    setAttr(space, "aria-pressed", String(ignoresSpace));
  };
  return { root, tell, isSplit, toggleSplit, toggleSpace, base: () => base, ignoresSpace: () => ignoresSpace };
}
