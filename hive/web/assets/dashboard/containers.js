// @ts-check
/** All agents, the manager first, each below its parent; a line each where they are many. */

import { el, keyed, label } from "../shared/dom.js";
import { actionForm } from "../shared/form.js";
import { REVEAL } from "../shared/reveal.js";
import { MANY, arranged, isWanted, wordsOf } from "./agent_tree.js";
import { containerRow } from "./container_row.js";
import { isBroken } from "./needs.js";
import { section } from "./section.js";
import { operatorQuestions } from "./state.js";
import { UPDATE_ALL } from "./urls.js";

/** @typedef {import("../shared/wire.js").DashboardState} State */

/** @param {(name: string) => void} writeTo puts a name into the compose box */
export function containersView(writeTo) {
  const list = el("ul", { class: "stack agents" });
  const empty = el(
    "p",
    { class: "empty", hidden: true },
    el("strong", {}, "No agents yet."),
    " ",
    el("a", { href: "#new-agent" }, "Request one"),
    ", or tell the manager what you need done; once approved it starts by itself.",
  );
  const none = el("p", { class: "empty", hidden: true }, "No agent is called or is in a state like that.");
  const filter = el("input", {
    type: "search", id: "agent-filter", "aria-label": "Only agents with this name or state", autocomplete: "off",
    spellcheck: "false", placeholder: "name or state: bob, idle, needs you",
  });
  const row = el("div", { class: "agent-filter", hidden: true }, filter);
  const all = updateAll();
  const { root, header, count } = section(
    { id: "containers", leet: "C0NTAINERS", plain: "Containers" },
    row,
    list,
    none,
    empty,
  );
  header.append(all);
  /** @type {State | null} */
  let last = null;
  const show = () => {
    if (last) update(last);
  };
  filter.addEventListener("input", show);
  filter.addEventListener("keydown", (event) => {
    if (event.key !== "Escape" || filter.value === "") return;
    event.preventDefault();
    filter.value = "";
    show();
  });
  list.addEventListener(REVEAL, (event) => {
    // One that the filter leaves out is wanted.
    if (!(event.target instanceof Element) || !event.target.closest("[data-agent][hidden]")) return;
    filter.value = "";
    show();
  });
  /** @param {State} state */
  const update = (state) => {
    last = state;
    const rows = state.containers;
    const isMany = rows.length > MANY;
    row.hidden = !isMany;
    if (!isMany) filter.value = "";
    const items = itemsOf(state, isMany, filter.value.trim());
    keyed(list, items, (one) => one.row.name, (one) => containerRow(one.row.name, writeTo));
    list.classList.toggle("compact", isMany);
    const running = rows.filter((one) => one.running).length;
    const shown = items.filter((one) => !one.isHidden).length;
    all.hidden = !rows.some((one) => one.needs_update);
    empty.hidden = rows.some((one) => !one.is_manager);
    none.hidden = rows.length === 0 || shown > 0;
    list.hidden = shown === 0;
    const part = shown < rows.length ? `${shown} shown · ` : "";
    count(rows.length ? `${part}${running} of ${rows.length} running` : "");
  };
  return { root, update };
}

/**
 * @param {State} state @param {boolean} isMany @param {string} typed
 * @returns {import("./container_row.js").Shown[]} also those that the filter leaves out, at the end
 */
function itemsOf(state, isMany, typed) {
  const asking = new Set(operatorQuestions(state).map((one) => one.asker));
  const about = (/** @type {import("../shared/wire.js").ContainerRow} */ row) => ({
    row,
    forge: state.forge.url,
    isMany,
    isBroken: isBroken(state, row),
    asks: asking.has(row.name),
  });
  const all = state.containers.map(about);
  const isShown = (/** @type {typeof all[0]} */ one) => typed === "" || isWanted(wordsOf(one.row, one.isBroken || one.asks), typed);
  const shown = new Map(all.filter(isShown).map((one) => [one.row.name, one]));
  const placed = arranged([...shown.values()].map((one) => one.row));
  const isTree = placed.some((one) => one.depth > 0);
  return [
    ...placed.map(({ row, depth }) => ({ .../** @type {typeof all[0]} */ (shown.get(row.name)), depth: isTree ? depth : null, isHidden: false })),
    ...all.filter((one) => !shown.has(one.row.name)).map((one) => ({ ...one, depth: null, isHidden: true })),
  ];
}

function updateAll() {
  return actionForm(
    {
      url: UPDATE_ALL,
      leet: "",
      plain: "Update all",
      tone: "warm",
      title: "Update all that need it?",
      confirm: "Each is rebuilt and started again, one after another, the manager first.",
      button: "Update all",
      done: "They wait in the build queue.",
    },
    label("↻ UPD4TE 4LL", "Update all"),
  ).form;
}
