// @ts-check
/** What is to be known before one trusts what the page shows; what asks for a deed is in the overview. */

import { el, keyed } from "../shared/dom.js";
import { Dismissed } from "./dismissed.js";
import { onlyTold } from "./needs.js";
import { agentPage } from "./urls.js";

/** @typedef {import("../shared/wire.js").DashboardState} State */
/** @typedef {import("../shared/wire.js").Notice} Notice */

/** @type {Record<string, [string, string]>} */
const LOOK = {
  demo: ["◈", "Demonstration"],
  error: ["✗", "Error"],
  warning: ["!", "Warning"],
};

const NAMED = 6;

/** @param {HTMLElement} place */
export function noticesView(place) {
  const dismissed = new Dismissed(localStorage);
  /** @type {readonly Notice[]} */
  let present = [];
  const show = () => {
    keyed(place, dismissed.left(present), strip, (one) => row(one, dismiss));
  };
  /** @param {Notice} one */
  const dismiss = (one) => {
    dismissed.add(one);
    show();
  };
  /** @param {State} state */
  const update = (state) => {
    present = onlyTold(state.notices);
    if (state.seq >= 0) dismissed.keep(present);
    show();
  };
  /** What ended and holds anew within one frame of the screen counts too. @param {readonly Notice[]} now */
  const heard = (now) => dismissed.keep(now);
  return { update, heard };
}

/** @param {Notice} one @returns {string} which strip shows it: its text may change, its looks not */
const strip = (one) => `${one.level} ${one.kind} ${(one.about ?? []).join(" ")}`;

/** @param {Notice} first @param {(one: Notice) => void} dismiss */
function row(first, dismiss) {
  const look = first.kind === "demo" ? "demo" : first.level;
  const [glyph, word] = LOOK[look] ?? ["·", "Note"];
  const text = el("span", { class: "wrap" });
  let shown = first;
  let said = "";
  const button = el("button", { type: "button", class: "quiet push dismiss", title: "Show it again only when it has changed" }, "✕");
  button.addEventListener("click", () => dismiss(shown));
  const root = el(
    "p",
    { class: `strip ${look}`, role: "note", "data-kind": first.kind },
    el("span", { "aria-hidden": "true" }, glyph),
    el("span", { class: "sr-only" }, `${word}: `),
    text,
    button,
  );
  /** @param {Notice} one */
  const update = (one) => {
    shown = one;
    const key = JSON.stringify([one.message, one.about]);
    if (key !== said) text.replaceChildren(...worded(one));
    said = key;
    button.setAttribute("aria-label", `Dismiss: ${one.message.slice(0, 60)}`);
  };
  return { root, update };
}

/**
 * A notice's text, with a link to the page of each agent that it names at its begin or its end; of
 * many the first few are named, and the way to the others.
 * @param {Notice} one @returns {(Node | string)[]}
 */
function worded({ kind, message, about = [] }) {
  const names = about.join(", ");
  if (kind === "task" || names === "") return [message];
  const named = about.length > NAMED + 1 ? about.slice(0, NAMED) : about;
  const links = named.flatMap((name, n) => [n ? ", " : "", el("a", { href: agentPage(name) }, name)]);
  if (named.length < about.length) links.push(", and ", el("a", { href: "#containers" }, `${about.length - named.length} more`));
  if (message.endsWith(names)) return [message.slice(0, -names.length), ...links];
  return message.startsWith(`${names}: `) ? [...links, message.slice(names.length)] : [message];
}
