// @ts-check
/** The daemon's own tasks and how they fare. */

import { el, keyed } from "../shared/dom.js";
import { timeTag } from "../shared/time.js";
import { foldedSection } from "./section.js";

/** @typedef {import("../shared/wire.js").TaskRow} TaskRow */

/** @type {Record<string, [string, string]>} */
const LOOK = {
  running: ["●", "go"],
  starting: ["◌", "warm"],
  backoff: ["◍", "warm"],
  stopped: ["○", ""],
  failed: ["✗", "danger"],
};

export function tasksView() {
  const list = el("ul", { class: "tasks" });
  const { root, count } = foldedSection({ id: "tasks", leet: "T4SK H34LTH", plain: "Task health" }, list);
  let wasWell = true;
  /** @param {import("../shared/wire.js").DashboardState} state */
  const update = (state) => {
    keyed(list, state.tasks, (one) => JSON.stringify(one), taskRow);
    const ill = state.tasks.filter((one) => one.state === "backoff" || one.state === "failed");
    count(ill.length ? `${ill.length} in trouble` : `${state.tasks.length} well`);
    root.classList.toggle("alarm", ill.length > 0);
    if (ill.length > 0 && wasWell) root.open = true;
    wasWell = ill.length === 0;
  };
  return { root, update };
}

/** @param {TaskRow} one */
function taskRow(one) {
  const [glyph, tone] = LOOK[one.state] ?? ["·", ""];
  const root = el(
    "li",
    { class: "row" },
    el("span", { class: `badge ${tone}` }, el("span", { "aria-hidden": "true" }, glyph), one.state),
    el("span", {}, one.name.replaceAll("_", " ")),
    one.restarts > 0 && el("span", { class: "muted" }, `${one.restarts} restart${one.restarts === 1 ? "" : "s"}`),
    timeTag(one.since, "ago"),
    one.last_error && el("span", { class: "form-error" }, one.last_error),
  );
  return { root, update: () => undefined };
}
