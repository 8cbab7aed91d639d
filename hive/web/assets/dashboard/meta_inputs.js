// @ts-check
/** What everything is built from: the locked inputs, and the button that brings them up to date. */

import { el, keyed, label, setAttr } from "../shared/dom.js";
import { timeTag } from "../shared/time.js";
import { foldedSection } from "./section.js";
import { META_UPDATE } from "./urls.js";
import { shortSha } from "./words.js";

/** @typedef {import("../shared/wire.js").MetaInput} MetaInput */

export function metaInputsView() {
  const list = el("ul", { class: "inputs" });
  const wanted = el("input", { type: "hidden", name: "inputs" });
  const button = el("button", { class: "calm" }, ...label("↻ UPD4TE S3L3CTED", "Update the selected inputs"));
  const form = el(
    "form",
    {
      class: "stack",
      action: META_UPDATE,
      method: "post",
      "data-async": true,
      "data-keep": true,
      "data-only": "inputs",
      "data-confirm-title": "Update these inputs?",
      "data-confirm-button": "Update",
      "data-done": "The update waits in the build queue.",
    },
    el("p", { class: "muted" }, "What agents are built from: hive itself, and the deployed commit of each agent."),
    list,
    wanted,
    el("div", { class: "row" }, button),
  );
  const empty = el("p", { class: "empty" }, "No inputs yet: they appear with the first agent.");
  const { root, count } = foldedSection({ id: "inputs", leet: "M3T4 1NPUTS", plain: "Meta inputs" }, form, empty);
  const chosen = () => [...list.querySelectorAll("input:checked")].map((box) => /** @type {HTMLInputElement} */ (box).value);
  const check = () => {
    const names = chosen();
    wanted.value = names.join(",");
    setAttr(button, "aria-disabled", names.length === 0 ? "true" : null);
    form.dataset.confirm = `${names.join(", ")}: looked up anew. Where something newer is found, ${whomOf(names)} rebuilt, one after another.`;
  };
  form.addEventListener("change", check);
  form.addEventListener("hive:done", () => {
    for (const box of list.querySelectorAll("input")) box.checked = false;
    check();
  });
  /** @param {import("../shared/wire.js").DashboardState} state */
  const update = (state) => {
    keyed(list, inTree(state.meta_inputs), (one) => one.name, inputRow);
    empty.hidden = state.meta_inputs.length > 0;
    form.hidden = state.meta_inputs.length === 0;
    const stale = state.meta_inputs.filter((one) => one.is_stale).length;
    count(stale ? `${state.meta_inputs.length} · ${stale} behind` : String(state.meta_inputs.length));
    check();
  };
  return { root, update };
}

/** @param {readonly MetaInput[]} inputs @returns {MetaInput[]} each with its own below it, hive itself first */
export function inTree(inputs) {
  const first = inputs.filter((one) => !one.name.includes("/"));
  first.sort((a, b) => Number(b.name === "hyperhive") - Number(a.name === "hyperhive"));
  return first.flatMap((one) => [one, ...inputs.filter((other) => other.name.startsWith(`${one.name}/`))]);
}

/** @param {readonly string[]} names @returns {string} who is built again because of these */
export function whomOf(names) {
  if (names.some((name) => !name.startsWith("agent-"))) return "every agent is";
  const agents = [...new Set(names.map((name) => name.split("/")[0].slice("agent-".length)))];
  return agents.length === 1 ? `${agents[0]} is` : `${agents.join(", ")} are`;
}

/** @param {MetaInput} first */
function inputRow(first) {
  const rev = el("code", { class: "muted" });
  const when = el("span", { class: "push" });
  const source = el("span", { class: "source muted wrap" });
  const behind = el("span", { class: "badge warm", hidden: true }, "↻ behind");
  const depth = first.name.split("/").length - 1;
  const root = el(
    "li",
    { "data-input": first.name },
    el(
      "label",
      { class: `option ${depth ? "nested" : ""}` },
      el("input", { type: "checkbox", name: "input", value: first.name }),
      el("span", { class: "wrap" }, first.name),
      behind,
      rev,
      when,
      source,
    ),
  );
  let shown = "";
  /** @param {MetaInput} now */
  const update = (now) => {
    behind.hidden = !now.is_stale;
    const next = JSON.stringify(now);
    if (next === shown) return;
    shown = next;
    rev.textContent = shortSha(now.rev);
    rev.title = now.rev;
    source.textContent = now.source ?? "";
    source.hidden = !now.source;
    when.replaceChildren(...(now.locked_at ? [timeTag(now.locked_at, "ago")] : []));
  };
  return { root, update };
}
