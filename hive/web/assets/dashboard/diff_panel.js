// @ts-check
/** What an approval would change, compared with one of three bases, in the side panel. */

import { getJson, sentence } from "../shared/api.js";
import { sidePanel } from "../shared/dialog.js";
import { el, setAttr } from "../shared/dom.js";
import { revealed } from "../shared/odd.js";
import { filesOf, summaryOf } from "./diff_text.js";
import { approvalDiff } from "./urls.js";
import { approvalTitle, outcomeOf, shortSha } from "./words.js";

/** @typedef {import("../shared/wire.js").Approval} Approval */
/** @typedef {import("../shared/wire.js").Diff} Diff */

/** @type {[string, string, string][]} */
const BASES = [
  ["running", "what runs", "compared with what runs now"],
  ["approved", "last approved", "compared with the last proposal you approved"],
  ["queued", "previous in queue", "compared with the proposal that waits before this one"],
];
/** More lines than these are drawn when they are asked for. */
const LINES_SHOWN = 2000;
/** @type {Record<string, string>} */
const NO_BASE = {
  running: "nothing of it runs yet, so all of it is new",
  approved: "nothing of it was approved before, so all of it is new",
  queued: "no proposal waits before this one, so all of it is shown",
};
const UNSEEN_SHOWN = 500;

/** @type {{id: number, conclude: (one: Approval) => void} | null} the panel in which it can be decided */
let open = null;

/** It was decided, maybe elsewhere: what is open must not ask for it any more. @param {Approval} one */
export function tellDecided(one) {
  if (open?.id === one.id) open.conclude(one);
}

/** @param {Approval} one @param {HTMLFormElement[]} decisions stand at the foot */
export async function diffPanel(one, decisions) {
  const about = el("p", { class: "muted diff-about", role: "status" });
  const body = el("div", { class: "diff-body", tabindex: "0", role: "region", "aria-label": "changes" });
  const buttons = BASES.map(([base, word, title]) => {
    const button = el("button", { type: "button", title }, word);
    button.addEventListener("click", () => void show(base));
    return { base, button };
  });
  const fate = el("p", { class: "wrap", role: "status" });
  const foot = decisions.length > 0 && el("footer", { class: "row" }, ...decisions, fate);
  const content = el(
    "div",
    { class: "diff-frame" },
    el("div", { class: "row bases", role: "group", "aria-label": "Compared with" }, el("span", { class: "muted" }, "against"), ...buttons.map((one) => one.button)),
    about,
    body,
    foot,
  );
  let wanted = "";
  const show = async (/** @type {string} */ base) => {
    wanted = base;
    for (const one of buttons) setAttr(one.button, "aria-pressed", String(one.base === base));
    about.textContent = "…";
    try {
      const diff = /** @type {Diff} */ (await getJson(approvalDiff(one.id, base)));
      if (wanted !== base) return;
      about.replaceChildren(...aboutOf(diff, base));
      body.replaceChildren(...bodyOf(diff));
      body.scrollTop = 0;
    } catch (error) {
      if (wanted !== base) return;
      about.replaceChildren(el("span", { class: "form-error" }, sentence(error)));
      body.replaceChildren();
    }
  };
  const dialog = sidePanel(`${approvalTitle(one)} · #${one.id}`, content);
  dialog.addEventListener("hive:done", () => dialog.close());
  if (foot) followDecision(one.id, dialog, decisions, fate);
  await show("running");
}

/** @param {number} id @param {HTMLDialogElement} dialog @param {HTMLFormElement[]} decisions @param {HTMLElement} fate */
function followDecision(id, dialog, decisions, fate) {
  const mine = {
    id,
    conclude: (/** @type {Approval} */ one) => {
      const hadFocus = decisions.some((form) => form.contains(document.activeElement));
      for (const form of decisions) form.hidden = true;
      fate.replaceChildren(`It is ${outcomeOf(one.status)[2]}${one.note ? ": " : "."}`, ...revealed(one.note ?? ""));
      if (hadFocus) dialog.querySelector("button")?.focus();
    },
  };
  open = mine;
  dialog.addEventListener("close", () => {
    if (open === mine) open = null;
  });
}

/** @param {Diff} diff @param {string} base */
function aboutOf(diff, base) {
  const against = diff.base_sha ? ` against ${diff.base_ref} (${shortSha(diff.base_sha)})` : `; ${NO_BASE[base]}`;
  return [`${summaryOf(diff.files)} in `, el("code", { title: diff.sha }, shortSha(diff.sha)), against];
}

/** @param {Diff} diff @returns {HTMLElement[]} */
function bodyOf(diff) {
  if (diff.files.length === 0) return [el("p", { class: "empty" }, "Both trees are the same: nothing would change.")];
  const stats = new Map(diff.files.map((file) => [file.path, file]));
  let left = LINES_SHOWN;
  const parts = filesOf(diff.text);
  /** @type {HTMLElement[]} */
  const shown = parts.map((part) => {
    const lines = part.lines.slice(0, Math.max(left, 0));
    left -= part.lines.length;
    const code = el("pre", {}, ...lines.map(lineOf));
    if (lines.length < part.lines.length) code.append(restOf(part.lines.slice(lines.length)));
    return el(
      "details",
      { class: "diff-file", open: true },
      el("summary", {}, el("code", { class: "wrap" }, ...revealed(part.path)), countOf(stats.get(part.path))),
      code,
    );
  });
  if (diff.is_truncated) {
    const more = "This is not all: the rest is too long to be shown. Look at it with git on the host.";
    const unseen = diff.files.filter((file) => !parts.some((part) => part.path === file.path));
    shown.push(el("p", { class: "form-error" }, more), el("ul", { class: "unseen" }, ...unseen.slice(0, UNSEEN_SHOWN).map(unseenRow)));
  }
  return shown;
}

/** @param {import("../shared/wire.js").FileStat} file */
function unseenRow(file) {
  return el("li", { class: "row" }, el("code", { class: "wrap" }, ...revealed(file.path)), countOf(file));
}

/** @param {import("../shared/wire.js").FileStat | undefined} file */
function countOf(file) {
  if (!file) return null;
  if (file.added === null || file.removed === null) return el("span", { class: "muted push" }, "not text");
  return el("span", { class: "counts push" }, el("span", { class: "add" }, `+${file.added}`), " ", el("span", { class: "del" }, `−${file.removed}`));
}

/** @type {Record<string, string>} */
const SIGN = { add: "+", del: "−", same: " ", hunk: " ", about: " " };

/** @param {import("./diff_text.js").Line} line */
function lineOf(line) {
  const sign = el("span", { class: "sign", "aria-hidden": line.kind === "same" ? "true" : null }, SIGN[line.kind]);
  return el("span", { class: `d-${line.kind}` }, sign, el("span", {}, ...revealed(line.text)));
}

/** @param {import("./diff_text.js").Line[]} lines */
function restOf(lines) {
  const button = el("button", { type: "button", class: "calm" }, `Show ${lines.length} more lines`);
  button.addEventListener("click", () => button.replaceWith(...lines.map(lineOf)));
  return button;
}
