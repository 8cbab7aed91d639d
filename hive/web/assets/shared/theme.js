// @ts-check
/** The switches for theme and wording; theme_boot.js applies what was kept before the first paint. */

import { el, remember, remembered, setAttr, setText } from "./dom.js";

const NEXT = { auto: "light", light: "dark", dark: "auto" };
/** @type {Record<string, string>} */
const SIGN = { auto: "◐", light: "○", dark: "●" };

/** @returns {HTMLElement} both switches */
export function appearance() {
  return el("span", { class: "row" }, themeSwitch(), wordsSwitch());
}

function themeSwitch() {
  const sign = el("span", { "aria-hidden": "true" });
  const word = el("span", { "aria-hidden": "true", class: "word" });
  const words = el("span", { class: "sr-only" });
  const button = el("button", { type: "button", class: "quiet", id: "theme" }, sign, word, words);
  const show = () => {
    const now = remembered("theme") ?? "auto";
    setText(sign, SIGN[now]);
    setText(word, now);
    setText(words, `Colour theme: ${now}. Change`);
    setAttr(document.documentElement, "data-theme", now === "auto" ? null : now);
  };
  button.addEventListener("click", () => {
    const now = /** @type {keyof typeof NEXT} */ (remembered("theme") ?? "auto");
    remember("theme", NEXT[now] === "auto" ? null : NEXT[now]);
    show();
  });
  show();
  return button;
}

function wordsSwitch() {
  const shown = el("span", { "aria-hidden": "true" });
  const button = el("button", { type: "button", class: "quiet", id: "words" }, shown, el("span", { class: "sr-only" }, "Leet spelling"));
  const show = () => {
    const isPlain = remembered("words") === "plain";
    setAttr(document.documentElement, "data-words", isPlain ? "plain" : null);
    setAttr(button, "aria-pressed", isPlain ? "false" : "true");
    setText(shown, isPlain ? "plain" : "l33t");
  };
  button.addEventListener("click", () => {
    remember("words", remembered("words") === "plain" ? null : "plain");
    show();
  });
  show();
  return button;
}
