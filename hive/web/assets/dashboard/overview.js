// @ts-check
/** The first thing on the page: what needs the operator now, a line each, with the way to it. */

import { el, keyed, setAttr, setText } from "../shared/dom.js";
import { upright } from "../shared/odd.js";
import { drawn } from "../shared/signs.js";
import { timeTag } from "../shared/time.js";
import { Dismissed } from "./dismissed.js";
import { linesOf, needs, workText } from "./needs.js";
import { section } from "./section.js";

/** @typedef {import("../shared/wire.js").DashboardState} State */
/** @typedef {import("../shared/wire.js").Notice} Notice */
/** @typedef {import("./needs.js").Need} Need */

/** @type {Record<string, [string, string]>} */
const LOOK = {
  notice: ["✗", "danger"],
  agent: ["✗", "danger"],
  approval: ["◆", "warm"],
  question: ["?", "warm"],
  job: ["!", "danger"],
  reminder: ["◷", "danger"],
  mail: ["✉", "mauve"],
};

export function overviewView() {
  const dismissed = new Dismissed(localStorage, "hive-seen");
  const list = el("ul", { class: "needs panel" });
  const calm = el("p", { class: "calm-text" }, el("strong", {}, "Nothing needs you."), " ", el("span"));
  const work = /** @type {HTMLElement} */ (calm.lastElementChild);
  const { root, count } = section(
    { id: "overview", leet: "N33DS Y0U N0W", plain: "What needs you now" },
    list,
    calm,
  );
  /** @type {Need[]} */
  let found = [];
  /** @type {State | null} */
  let last = null;
  /** @param {State} state */
  const update = (state) => {
    last = state;
    const all = needs(state);
    if (state.seq >= 0) dismissed.keep(passing(all));
    const left = new Set(dismissed.left(passing(all)));
    found = all.filter((one) => !one.passes || left.has(one.passes));
    keyed(list, linesOf(found), (one) => `${one.key} ${one.href}`, (one) => line(one, dismiss));
    list.hidden = found.length === 0;
    calm.hidden = found.length > 0;
    setText(work, `${workText(state)}.`);
    count(found.length ? workText(state) : "");
    document.title = found.length ? `(${found.length}) hyperhive` : "hyperhive";
  };
  /** @param {Notice} one */
  const dismiss = (one) => {
    dismissed.add(one);
    if (last) update(last);
  };
  /** What ended and holds anew within one frame of the screen counts too. @param {Notice[]} notices */
  const heard = (notices) => {
    if (last) dismissed.keep(passing(needs({ ...last, notices })));
  };
  return { root, update, heard, count: () => found.length };
}

/** @param {Need[]} all @returns {Notice[]} of those that can be dismissed */
const passing = (all) => all.flatMap((one) => (one.passes ? [one.passes] : []));

/** @param {Need} first @param {(one: Notice) => void} dismiss */
function line(first, dismiss) {
  const [sign, tone] = LOOK[first.kind] ?? ["·", ""];
  const what = el("strong");
  const text = el("span", { class: "text" });
  const age = el("span", { class: "age" });
  const content = [el("span", { class: "sign", "aria-hidden": "true" }, ...drawn(sign)), what, text, age];
  const way = first.href ? el("a", { href: first.href }, ...content) : el("div", { class: "told" }, ...content);
  const close = el("button", { type: "button", class: "quiet dismiss", title: "Show it again only when it has changed" }, "✕");
  close.hidden = !first.passes;
  let now = first;
  let shown = "";
  close.addEventListener("click", () => now.passes && dismiss(now.passes));
  const root = el("li", { class: `need ${tone}`, "data-need": first.key }, way, close);
  /** @param {Need} one */
  const update = (one) => {
    now = one;
    const key = JSON.stringify([one.what, one.text, one.at]);
    if (key === shown) return;
    shown = key;
    what.replaceChildren(...upright(one.what));
    text.replaceChildren(...upright(one.text));
    age.replaceChildren(...(one.at === null ? [] : [timeTag(one.at, "ago")]));
    setAttr(close, "aria-label", `Dismiss: ${one.what} ${one.text}`.slice(0, 80));
  };
  return { root, update };
}
