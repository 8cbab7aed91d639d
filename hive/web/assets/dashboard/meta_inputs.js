// @ts-check
/** What everything is built from: the locked inputs, and the button that brings them up to date. */

import { el, keyed, label, setAttr } from "../shared/dom.js";
import { timeTag } from "../shared/time.js";
import { linkTo } from "./address.js";
import { foldedSection } from "./section.js";
import { jobsOf } from "./state.js";
import { META_UPDATE } from "./urls.js";
import { shortSha } from "./words.js";

/** @typedef {import("../shared/wire.js").MetaInput} MetaInput */

export function metaInputsView() {
  const list = el("ul", { class: "inputs" });
  const wanted = el("input", { type: "hidden", name: "inputs" });
  const button = el("button", { class: "calm" }, ...label("↻ UPD4TE S3L3CTED", "Update the selected inputs"));
  const running = el("p", { class: "warn wrap", role: "status", hidden: true });
  /** @type {Set<string>} */
  let behind = new Set();
  const quick = [
    picker("all", "Select all inputs", () => pick(() => true)),
    picker("behind", "Select the inputs that are behind", () => pick((name) => behind.has(name))),
    picker("none", "Select none of the inputs", () => pick(() => false)),
  ];
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
    running,
    el("div", { class: "row" }, button, el("span", { class: "row narrow push", role: "group", "aria-label": "Which inputs are selected" }, ...quick)),
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
  /** @param {(name: string) => boolean} isWanted */
  const pick = (isWanted) => {
    for (const box of list.querySelectorAll("input")) box.checked = isWanted(box.value);
    check();
  };
  form.addEventListener("change", check);
  form.addEventListener("hive:done", () => pick(() => false));
  /** @param {import("../shared/wire.js").DashboardState} state */
  const update = (state) => {
    keyed(list, inTree(state.meta_inputs), (one) => one.name, inputRow);
    empty.hidden = state.meta_inputs.length > 0;
    form.hidden = state.meta_inputs.length === 0;
    behind = new Set(state.meta_inputs.filter((one) => one.is_stale).map((one) => one.name));
    const stale = behind.size;
    quick[1].hidden = stale === 0;
    showRunning(running, state.jobs);
    count(stale ? `${state.meta_inputs.length} · ${stale} behind` : String(state.meta_inputs.length));
    check();
  };
  return { root, update };
}

/** @param {string} word @param {string} plain @param {() => void} act */
function picker(word, plain, act) {
  const button = el("button", { type: "button", class: "quiet", "aria-label": plain }, word);
  button.addEventListener("click", act);
  return button;
}

/** @param {HTMLElement} place @param {readonly import("../shared/wire.js").Job[]} jobs */
function showRunning(place, jobs) {
  const job = jobsOf(jobs).open.find((one) => one.kind === "meta_update");
  place.hidden = !job;
  if (!job || place.dataset.job === String(job.id)) return;
  place.dataset.job = String(job.id);
  place.replaceChildren("An update is under way, ", el("a", { href: linkTo("job", job.id) }, `job #${job.id}`), ": until it ends, this list is as it was before.");
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
