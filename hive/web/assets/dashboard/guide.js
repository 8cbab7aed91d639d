// @ts-check
/** The three steps from an empty hive to an agent's first answer. */

import { el, remember, remembered, setAttr, setText } from "../shared/dom.js";
import { reveal } from "../shared/reveal.js";

/** @typedef {import("../shared/wire.js").DashboardState} State */

const INTRODUCTION =
  "Agents live in containers of their own, write to each other and to you. Three steps to the first answer:";
const NEW = ["init_config", "spawn"];
/** A finished guide stays long enough to be seen finished. */
const LEAVES_MS = 8000;

/**
 * @param {State} state @param {boolean} hasWritten whether the operator ever sent a message
 * @returns {{done: boolean[], now: number}} `now`: the step that is next, 3 when all are done
 */
export function progress(state, hasWritten) {
  const agents = state.containers.filter((row) => !row.is_manager);
  const isAsked = agents.length > 0 || state.approvals.some((one) => NEW.includes(one.kind));
  const done = [isAsked, agents.some((row) => row.running), hasWritten];
  const now = done.indexOf(false);
  return { done, now: now < 0 ? done.length : now };
}

/** @param {{request: () => void, write: (name: string) => void}} go */
export function guideView(go) {
  const steps = [
    step(
      "Request an agent",
      "Give it a short name, for example alice; or write to the manager what you need done.",
      "Name it",
      go.request,
    ),
    step("Approve it", "What it is made of is a commit; look at its diff, then say yes or no.", "Show it", () => {
      const button = document.querySelector("#approvals li button");
      if (button) reveal(button);
      button?.scrollIntoView({ block: "center" });
    }),
    step("Write to it", "Say what you want; its answer arrives in your inbox.", "Write", () => go.write(first)),
  ];
  let first = "manager";
  let hasWritten = false;
  const close = el("button", { type: "button", class: "quiet push", "aria-label": "Close this guide" }, "✕");
  const last = el("p", { class: "muted", "aria-live": "polite" }, INTRODUCTION);
  const root = el(
    "section",
    { class: "panel card guide", "aria-labelledby": "guide-title", hidden: true },
    el("div", { class: "row" }, el("h2", { id: "guide-title" }, "Welcome to your hive"), close),
    last,
    el("ol", { class: "steps" }, ...steps.map((one) => one.root)),
  );
  let isOpen = remembered("guide") === "open";
  let isClosed = remembered("guide") === "done";
  close.addEventListener("click", () => {
    isClosed = true;
    remember("guide", "done");
    root.hidden = true;
    document.getElementById("main")?.focus();
  });
  let shown = -1;
  let isLeaving = false;
  const leave = () => {
    isLeaving = true;
    remember("guide", "done");
    setText(last, "That is all: the answer arrives in your inbox.");
    setTimeout(() => {
      isClosed = true;
      root.hidden = true;
    }, LEAVES_MS);
  };
  /** @param {State} state */
  const update = (state) => {
    const { done, now } = progress(state, hasWritten);
    const agent = state.containers.find((row) => !row.is_manager);
    first = agent?.name ?? "manager";
    // A hive that already has agents needs no introduction; one that was begun is shown to its end.
    if (!agent && !isOpen && !isClosed) {
      isOpen = true;
      remember("guide", "open");
    }
    root.hidden = isClosed || !isOpen;
    steps.forEach((one, index) => one.set(done[index], index === now));
    if (root.hidden) return;
    // The form below has the word while a name is asked for; behind each later step the next one is shown.
    if (now > 1 && now !== shown && shown >= 0) root.scrollIntoView({ block: "nearest" });
    shown = now;
    if (now === steps.length && !isLeaving) leave();
  };
  return { root, update, written: () => void (hasWritten = true) };
}

/** @param {string} title @param {string} text @param {string} button @param {() => void} act */
function step(title, text, button, act) {
  const sign = el("span", { class: "sign", "aria-hidden": "true" });
  const state = el("span", { class: "sr-only" });
  const press = el("button", { type: "button", class: "go" }, button);
  press.addEventListener("click", act);
  const root = el(
    "li",
    {},
    sign,
    el("div", {}, el("strong", {}, title), state, el("p", { class: "muted" }, text)),
    press,
  );
  /** @param {boolean} isDone @param {boolean} isNow */
  const set = (isDone, isNow) => {
    setText(sign, isDone ? "✓" : isNow ? "▸" : "·");
    setText(state, isDone ? " (done)" : isNow ? " (next)" : "");
    setAttr(root, "class", isDone ? "done" : isNow ? "now" : "later");
    press.hidden = !isNow;
  };
  return { root, set };
}
