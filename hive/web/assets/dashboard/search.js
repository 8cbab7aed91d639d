// @ts-check
/** The field that looks through everything, and what it found, each with its place. */

import { getJson, sentence } from "../shared/api.js";
import { areKeysOff } from "../shared/commands.js";
import { el, setText } from "../shared/dom.js";
import { upright } from "../shared/odd.js";
import { isOutside, originMark } from "../shared/origin.js";
import { drawn } from "../shared/signs.js";
import { clock, timeTag } from "../shared/time.js";
import { addressOf, askedIn, messageIn, pieces, withChip, written } from "./search_words.js";
import { section } from "./section.js";
import { found } from "./urls.js";

/** @typedef {import("./search_words.js").Answer} Answer */
/** @typedef {import("./search_words.js").Hit} Hit */

const KINDS = [["", "everything"], ["message", "messages"], ["event", "events"], ["turn", "turns"]];
const TIMES = [["", "any time"], ["1d", "one day"], ["7d", "7 days"], ["30d", "30 days"]];
/** @type {Record<string, string>} */
const SIGNS = { message: "✉", event: "·", turn: "◆" };
const HINT = 'Words, "phrases", begin*, from:bob to:alice in:42 agent:bob after:7d before:2026-01-31 kind:event';

/**
 * @param {(id: number) => void} showMessage in the flow @param {(id: number) => void} thread opens that of a message
 * @param {() => void} moved is told of a new address
 */
export function searchView(showMessage, thread, moved) {
  const field = el("input", { type: "search", id: "search", "aria-label": "Search messages, events and turns", "aria-keyshortcuts": "/", placeholder: "⌕ search  /", title: HINT, maxlength: 400, autocomplete: "off", spellcheck: "false" });
  const form = el("form", { class: "search", role: "search" }, field);
  const count = el("p", { class: "muted", role: "status" });
  const chips = el("div", { class: "row chips" });
  const kinds = choice("kind", "What", KINDS);
  const agents = choice("agent", "Whose", [["", "everybody"]]);
  const times = choice("after", "Since when", TIMES);
  const close = el("button", { type: "button", class: "quiet" }, "✕ Close");
  const list = el("ol", { class: "hits panel", tabindex: "0", "aria-label": "What was found, newest first" });
  const faults = el("ul", { class: "faults" });
  const more = el("button", { type: "button", hidden: true }, "Older ones");
  const { root, header } = section(
    { id: "found", leet: "S34RCH", plain: "Search" },
    el("div", { class: "row narrow" }, count, kinds, agents, times, chips),
    list,
    faults,
    more,
  );
  header.append(close);
  root.hidden = true;
  /** @type {Answer} */
  let answer = { hits: [], next: null, unindexed: 0, terms: [], chips: [], faults: [] };
  let asked = 0;
  let shown = 0;

  /** @param {string} query @param {string | null} cursor */
  const look = async (query, cursor) => {
    asked += 1;
    const mine = asked;
    const wasHidden = root.hidden;
    root.hidden = false;
    // On a small screen it stands far below the field.
    if (wasHidden && !location.hash) root.scrollIntoView({ block: "start" });
    root.setAttribute("aria-busy", "true");
    setText(count, "searching…");
    try {
      const now = /** @type {Answer} */ (await getJson(found(query, cursor)));
      if (mine === asked) show(now, cursor === null);
    } catch (error) {
      if (mine === asked) fail(error, cursor === null);
    }
    if (mine === asked) root.removeAttribute("aria-busy");
  };
  /** @param {Answer} now @param {boolean} isFirst */
  const show = (now, isFirst) => {
    answer = now;
    if (isFirst) list.replaceChildren();
    list.append(...now.hits.map((hit) => item(hit, showMessage, thread)));
    shown = isFirst ? now.hits.length : shown + now.hits.length;
    if (isFirst) list.scrollTop = 0;
    list.hidden = shown === 0;
    chips.replaceChildren(...now.chips.map((chip) => chipOf(chip)));
    for (const one of [kinds, agents, times]) mirror(one, now.chips);
    faults.replaceChildren(...faultsOf(now));
    more.hidden = now.next === null;
    const isAll = now.next === null && now.faults.length === 0 && now.unindexed === 0;
    const so = isAll ? "" : " so far";
    setText(count, shown === 0 ? `nothing found${so}` : `${shown} found${so}, newest first`);
  };
  /** @param {unknown} error @param {boolean} isFirst */
  const fail = (error, isFirst) => {
    if (isFirst) {
      list.replaceChildren();
      faults.replaceChildren();
      chips.replaceChildren();
      list.hidden = true;
      more.hidden = true;
    }
    setText(count, sentence(error));
  };
  /** @param {import("./search_words.js").Chip} chip */
  const chipOf = (chip) => {
    const button = el("button", { type: "button", class: "badge mauve", "aria-label": `Take away ${chip.key}:${chip.value}` }, `${chip.key}:`, ...upright(chip.value), " ✕");
    button.addEventListener("click", () => go(written(answer.terms, answer.chips.filter((one) => one !== chip))));
    return button;
  };
  /** Look for something, and let the address say so. @param {string} query @param {boolean} [isNew] */
  const go = (query, isNew = true) => {
    field.value = query;
    const address = addressOf(query, isNew ? "" : location.hash);
    if (isNew && address !== location.pathname + location.search) {
      history.pushState(null, "", address);
      moved();
    }
    if (query.trim()) return void look(query, null);
    asked += 1;
    root.hidden = true;
  };
  const shut = () => {
    go("");
    field.focus();
  };
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    go(field.value.trim());
  });
  for (const one of [kinds, agents, times]) {
    one.addEventListener("change", () => go(written(answer.terms, withChip(answer.chips, one.name, one.value))));
  }
  more.addEventListener("click", () => void look(askedIn(location.search), answer.next));
  close.addEventListener("click", shut);
  window.addEventListener("popstate", () => {
    // A link to a message alone changes the address too: what was found stays.
    if (askedIn(location.search) !== field.value) go(askedIn(location.search), false);
  });
  document.addEventListener("keydown", (event) => {
    if (event.key === "/" && !isWriting(event) && !areKeysOff()) {
      event.preventDefault();
      field.focus();
      field.select();
    }
  });
  for (const place of [form, root]) {
    place.addEventListener("keydown", (event) => {
      if (event.key === "Escape" && !root.hidden) {
        event.preventDefault();
        shut();
      } else if (event.key === "ArrowDown" || event.key === "ArrowUp") {
        step(event, list, field);
      }
    });
  }
  /** @param {import("../shared/wire.js").DashboardState} state */
  const update = (state) => {
    const names = state.containers.map((row) => row.name);
    for (const name of names) {
      if (![...agents.options].some((option) => option.value === name)) agents.append(el("option", { value: name }, name));
    }
  };
  return { form, root, update, go, start: () => go(askedIn(location.search), false) };
}

/** @param {string} key @param {string} name @param {string[][]} options */
function choice(key, name, options) {
  return el("select", { name: key, "aria-label": name }, ...options.map(([value, text]) => el("option", { value }, text)));
}

/** A choice shows the filter that is set, also one that it does not offer. @param {HTMLSelectElement} one @param {readonly {key: string, value: string}[]} chips */
function mirror(one, chips) {
  const value = chips.find((chip) => chip.key === one.name)?.value ?? "";
  if (![...one.options].some((option) => option.value === value)) one.append(el("option", { value }, value));
  one.value = value;
}

/** @param {KeyboardEvent} event */
function isWriting(event) {
  if (event.ctrlKey || event.metaKey || event.altKey || document.querySelector("dialog[open]")) return true;
  const at = event.target;
  return at instanceof HTMLElement && (at.isContentEditable || at.matches("input, textarea, select"));
}

/** From the field down into what was found, and on. @param {KeyboardEvent} event @param {HTMLElement} list @param {HTMLElement} field */
function step(event, list, field) {
  const links = [...list.querySelectorAll("a")];
  if (links.length === 0 || event.target instanceof HTMLSelectElement) return;
  event.preventDefault();
  const at = links.indexOf(/** @type {HTMLAnchorElement} */ (event.target));
  const next = links[at + (event.key === "ArrowDown" ? 1 : -1)];
  (next ?? (event.key === "ArrowUp" ? field : links[links.length - 1])).focus();
}

/** @param {Hit} hit @param {(id: number) => void} showMessage @param {(id: number) => void} thread */
function item(hit, showMessage, thread) {
  const who =
    hit.kind === "message"
      ? [el("span", { class: "who" }, ...upright(hit.from ?? "")), isOutside(hit) && originMark(hit), el("span", { "aria-label": "to" }, "→"), el("span", { class: "who" }, hit.to ?? "")]
      : [el("span", { class: "who" }, hit.agent ?? ""), el("span", { class: "muted" }, `${hit.kind}${hit.label ? ` · ${hit.label}` : ""}`)];
  const said = pieces(hit.text, hit.marks).map((piece) =>
    piece.isMarked ? el("mark", {}, ...upright(piece.text)) : el("span", {}, ...upright(piece.text)),
  );
  const link = el(
    "a",
    { href: hit.href },
    el("span", { class: "sign", "aria-hidden": "true" }, ...drawn(SIGNS[hit.kind] ?? "·")),
    el("span", { class: "head" }, timeTag(hit.at), ...who),
    el("span", { class: "said" }, ...said),
  );
  const id = messageIn(hit.href.slice(1));
  link.addEventListener("click", (event) => {
    if (id === null || event.ctrlKey || event.metaKey || event.shiftKey) return;
    event.preventDefault();
    history.replaceState(null, "", `${location.pathname}${location.search}#message-${id}`);
    showMessage(id);
  });
  const whole = id === null ? null : el("button", { type: "button", class: "link", "aria-label": `Thread of message ${id}` }, "⌥ thread");
  whole?.addEventListener("click", () => thread(Number(id)));
  return el("li", { class: `hit of-${hit.kind}` }, link, whole);
}

/** @param {Answer} answer */
function faultsOf(answer) {
  const told = answer.faults.map(({ where, why, back_to: back }) =>
    el("li", {}, el("strong", {}, where), `: `, ...upright(why), back ? ` than ${clock(back)}` : ""),
  );
  if (answer.unindexed) {
    told.push(el("li", {}, `${answer.unindexed} messages are not indexed yet: search again in a minute`));
  }
  return told;
}
