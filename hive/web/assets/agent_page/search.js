// @ts-check
/** Looking for something in the whole history, and going to where it stands. */

import { getJson, sentence } from "../shared/api.js";
import { el, label, setAttr, setText } from "../shared/dom.js";
import { upright } from "../shared/odd.js";
import { frameRows } from "./frames.js";
import { stripped, textOf } from "./search_text.js";
import { found } from "./urls.js";

/** @typedef {import("../shared/wire.js").Frame} Frame */

const PAUSE_MS = 300;
const PAGE = 50;
const KINDS = [
  ["", "everything"],
  ["turn_start", "messages"],
  ["stream", "claude"],
  ["note", "notes"],
  ["turn_end", "ends of turns"],
];
/** @type {Record<string, string>} */
const SIGNS = { turn_start: "◆", turn_end: "✓", note: "·", stream: " " };

/**
 * @param {(seq: number, words: string) => void} go shows a row
 * @param {(isHeld: boolean) => void} hold stops and lets go of what is new
 */
export function searchView(go, hold) {
  const field = el("input", { type: "search", id: "search", "aria-label": "Search the history", placeholder: "⌕ search the history", maxlength: 200, autocomplete: "off", spellcheck: "false" });
  const kinds = el("select", { "aria-label": "What to search" }, ...KINDS.map(([value, text]) => el("option", { value }, text)));
  const still = el("button", { type: "button", class: "quiet", id: "hold", "aria-pressed": "false", title: "Show nothing new until it is let go" }, ...label("‖ H0LD", "Hold"));
  const count = el("span", { class: "muted", role: "status" });
  const close = el("button", { type: "button", class: "quiet push" }, "✕ Close");
  const list = el("ol", { class: "found-list", tabindex: "0", "aria-label": "What was found, newest first" });
  const more = el("button", { type: "button", hidden: true }, "Older ones");
  const panel = el("section", { class: "found", hidden: true, "aria-label": "Search" }, el("div", { class: "row" }, count, more, close), list);
  const root = el("div", { class: "tools" }, el("div", { class: "row bar", role: "search" }, field, kinds, still), panel);
  let asked = 0;
  let timer = 0;
  /** @type {number | null} */
  let next = null;
  let shown = 0;

  const forget = () => {
    asked += 1;
    panel.hidden = true;
    list.replaceChildren();
  };
  /** @param {number | null} before */
  const look = async (before) => {
    const words = field.value.trim();
    if (!words) return forget();
    asked += 1;
    const mine = asked;
    panel.hidden = false;
    panel.setAttribute("aria-busy", "true");
    try {
      const answer = await getJson(found(words, kinds.value, before, PAGE));
      if (mine === asked) show(answer, words, before === null);
    } catch (error) {
      if (mine === asked) setText(count, sentence(error));
    }
    if (mine === asked) panel.removeAttribute("aria-busy");
  };
  /**
   * @param {{events: Frame[], next_before?: number | null}} answer oldest first, and where the
   *   next search goes on: one walks over a part of a large history only
   * @param {string} words @param {boolean} isFirst
   */
  const show = ({ events, next_before: onward = null }, words, isFirst) => {
    if (isFirst) list.replaceChildren();
    // Some frames say again what another one shows, and draw nothing.
    const draw = frameRows();
    const drawn = events.filter((frame) => draw(frame) !== null);
    shown = isFirst ? drawn.length : shown + drawn.length;
    list.append(...drawn.map((frame) => item(frame, words, go)).reverse());
    if (isFirst) list.scrollTop = 0;
    next = onward;
    more.hidden = next === null;
    if (next === null) setText(count, shown === 0 ? "nothing found" : `${shown} found, newest first`);
    else setText(count, shown === 0 ? "nothing found so far" : `${shown} found so far, newest first`);
  };
  const soon = () => {
    clearTimeout(timer);
    timer = window.setTimeout(() => void look(null), PAUSE_MS);
  };
  field.addEventListener("input", soon);
  kinds.addEventListener("change", () => void look(null));
  more.addEventListener("click", () => void look(next));
  close.addEventListener("click", () => {
    field.value = "";
    forget();
    field.focus();
  });
  root.addEventListener("keydown", (event) => {
    if (event.key === "Escape" && !panel.hidden) {
      event.preventDefault();
      close.click();
    } else if (event.key === "Enter" && event.target === field) {
      clearTimeout(timer);
      void look(null);
    } else if (event.key === "ArrowDown" || event.key === "ArrowUp") {
      step(event);
    }
  });
  /** From the field down into what was found, and on. @param {KeyboardEvent} event */
  const step = (event) => {
    const links = [...list.querySelectorAll("a")];
    if (links.length === 0 || event.target === kinds) return;
    event.preventDefault();
    const at = links.indexOf(/** @type {HTMLAnchorElement} */ (event.target));
    const next = links[at + (event.key === "ArrowDown" ? 1 : -1)];
    (next ?? (event.key === "ArrowUp" ? field : links[links.length - 1])).focus();
  };
  still.addEventListener("click", () => hold(still.getAttribute("aria-pressed") !== "true"));
  /** @param {boolean} isHeld */
  const showHeld = (isHeld) => setAttr(still, "aria-pressed", String(isHeld));
  /** @param {string} words as `/search words` says */
  const search = (words) => {
    field.value = words;
    field.focus();
    void look(null);
  };
  return { root, search, showHeld };
}

/** @param {Frame} frame @param {string} words @param {(seq: number, words: string) => void} go */
function item(frame, words, go) {
  const [before, match, after] = stripped(textOf(frame), words);
  const link = el(
    "a",
    { href: `#row-${frame.seq}` },
    el("span", { class: "sign", "aria-hidden": "true" }, frame.line?.type === "user" ? "←" : (SIGNS[frame.kind] ?? "!")),
    ...upright(before),
    match && el("mark", {}, ...upright(match)),
    ...upright(after),
  );
  link.addEventListener("click", (event) => {
    if (event.ctrlKey || event.metaKey || event.shiftKey) return;
    event.preventDefault();
    history.replaceState(null, "", `#row-${frame.seq}`);
    go(frame.seq, words);
  });
  return el("li", { class: `hit ${frame.kind}` }, link);
}
