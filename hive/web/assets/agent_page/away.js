// @ts-check
/** What stands above the terminal while the agent has no page of its own: why, and what to do. */

import { el, label, setAttr, setText } from "../shared/dom.js";
import { actionForm } from "../shared/form.js";
import { start } from "./urls.js";
import { whyStrip } from "./why.js";

/** @typedef {"coming_up" | "stopped" | "gone"} Away */

/** @param {string} code of the error the daemon answered with @returns {Away | null} null: something else */
export function awayOf(code) {
  if (code === "coming_up" || code === "stopped") return code;
  return code === "not_found" ? "gone" : null;
}

/** @param {Away} why @param {string} name @returns {{tone: string, text: string, empty: string}} */
export function awayWords(why, name) {
  switch (why) {
    case "coming_up":
      return {
        tone: "info",
        text: `${name} is coming up. This page goes on by itself.`,
        empty: `${name} is coming up. What you write is kept until it is there.`,
      };
    case "stopped":
      return {
        tone: "warning",
        text: `${name} is stopped: what you write to it waits.`,
        empty: "What it did is shown again once it runs.",
      };
    case "gone":
      return {
        tone: "error",
        text: `There is no agent ${name} any more. What is kept of it is on the dashboard.`,
        empty: "There is nothing to show.",
      };
  }
}

/** @param {HTMLElement} place @param {string} name @param {() => void} again looks whether it is there */
export function awayView(place, name, again) {
  const text = el("span", { class: "wrap" });
  const begin = actionForm(
    { url: start(name), leet: "", plain: `Start ${name}`, tone: "go" },
    label("▶ ST4RT", `Start ${name}`),
  );
  begin.form.addEventListener("hive:done", again);
  setAttr(place, "role", "status");
  place.append(text, begin.form);
  /** @param {Away | null} why null: it is there */
  const show = (why) => {
    place.hidden = why === null;
    if (why === null) return;
    const words = awayWords(why, name);
    setAttr(place, "class", `strip ${words.tone}`);
    setText(text, words.text);
    begin.form.hidden = why !== "stopped";
  };
  /** @param {import("../shared/wire.js").Reason} reason in the daemon's words, in place of ours */
  const showWhy = (reason) => {
    const strip = whyStrip(reason);
    if (strip) setText(text, `${strip.text} What you write to it waits.`);
  };
  return { show, showWhy };
}
