// @ts-check
/** The build queue: what is being done, what waits behind it, and how the last ones ended. */

import { el, keyed, label, setAttr, setText } from "../shared/dom.js";
import { actionForm } from "../shared/form.js";
import { revealed } from "../shared/odd.js";
import { duration, ticking, timeTag, turnLength } from "../shared/time.js";
import { ownLink } from "./own_link.js";
import { foldedSection, section } from "./section.js";
import { jobsOf } from "./state.js";
import { cancelJob } from "./urls.js";
import { jobTitle } from "./words.js";

/** @typedef {import("../shared/wire.js").Job} Job */

/** @type {Record<string, [string, string]>} */
const LOOK = {
  queued: ["◌", ""],
  running: ["◐", "warm transient"],
  done: ["✓", "go"],
  failed: ["✗", "danger"],
  cancelled: ["⊘", ""],
};

/** @param {(job: Job) => void} showLog */
export function jobsView(showLog) {
  const list = el("ul", { class: "stack" });
  const empty = el(
    "p",
    { class: "empty" },
    el("strong", {}, "Nothing is being built."),
    " What you approve, rebuild, restart or destroy is done here, one after another.",
  );
  const over = el("ul", { class: "stack compact" });
  const history = foldedSection({ id: "built", leet: "BU1LT", plain: "Finished jobs" }, over);
  const { root, count } = section(
    { id: "jobs", leet: "BU1LD QU3U3", plain: "Build queue" },
    list,
    empty,
    history.root,
  );
  /** @param {import("../shared/wire.js").DashboardState} state */
  const update = (state) => {
    const jobs = jobsOf(state.jobs);
    keyed(list, jobs.open, (job) => String(job.id), (job) => openRow(job, showLog));
    keyed(over, jobs.over, (job) => String(job.id), (job) => overRow(job, showLog));
    empty.hidden = jobs.open.length > 0;
    list.hidden = jobs.open.length === 0;
    history.root.hidden = jobs.over.length === 0;
    const failed = jobs.over.filter((job) => job.state === "failed").length;
    history.count(failed ? `${jobs.over.length} · ${failed} failed` : String(jobs.over.length));
    const waiting = jobs.open.filter((job) => job.state === "queued").length;
    count(jobs.open.length ? `${jobs.open.length - waiting} running · ${waiting} waiting` : "");
  };
  return { root, update };
}

/** @param {Job} job @param {HTMLElement} place */
export function drawState(job, place) {
  const [glyph, tone] = LOOK[job.state] ?? ["·", ""];
  if (place.dataset.state === job.state) return;
  place.dataset.state = job.state;
  setAttr(place, "class", `badge ${tone}`);
  place.replaceChildren(el("span", { class: "glyph", "aria-hidden": "true" }, glyph), el("span", {}, job.state));
}

/** @param {Job} job */
export function cancelForm(job) {
  return actionForm(
    {
      url: cancelJob(job.id),
      leet: "",
      plain: "Cancel",
      tone: "quiet danger",
      danger: true,
      title: `Cancel: ${jobTitle(job)}?`,
      confirm: "What waits is dropped; what runs is broken off and taken back.",
      button: "Cancel the job",
    },
    label("✗ C4NC3L", "Cancel", `: ${jobTitle(job)}`),
  );
}

/** @param {string} title @param {() => void} show */
function logButton(title, show) {
  const button = el("button", { type: "button", class: "link logs", "aria-label": `Log of: ${title}` }, "↳ log");
  button.addEventListener("click", show);
  return button;
}

/** @param {Job} job where it comes from, in a few words */
function originOf(job) {
  const parts = [`by ${job.requested_by}`];
  if (job.approval_id !== null) parts.push(`approval #${job.approval_id}`);
  if (job.parent_id !== null) parts.push(`after job #${job.parent_id}`);
  if (job.attempts > 1) parts.push(`attempt ${job.attempts}`);
  return parts.join(" · ");
}

/** @param {Job} first @param {(job: Job) => void} showLog */
function openRow(first, showLog) {
  const state = el("span", { class: "badge" });
  const age = el("span", { class: "muted age" });
  const said = el("span");
  const origin = el("span", { class: "muted" }, ownLink("job", first.id), said);
  const step = el("p", { class: "step wrap", role: "status" });
  let job = first;
  ticking(age, (now) => duration(now - (job.started_at ?? job.created_at)));
  const root = el(
    "li",
    { class: "panel card job", "data-job": first.id },
    el(
      "div",
      { class: "row" },
      state,
      el("strong", { class: "wrap" }, jobTitle(first)),
      age,
      el("span", { class: "row push" }, logButton(jobTitle(first), () => showLog(job)), cancelForm(first).form),
    ),
    step,
    origin,
  );
  /** @param {Job} now */
  const update = (now) => {
    job = now;
    drawState(now, state);
    setAttr(root, "data-state", now.state);
    setText(step, now.step ?? "");
    step.hidden = !now.step;
    setText(said, ` · ${originOf(now)}`);
  };
  return { root, update };
}

/** @param {Job} job @param {(job: Job) => void} showLog */
function overRow(job, showLog) {
  const state = el("span", { class: "badge" });
  drawState(job, state);
  const took = job.started_at !== null && job.ended_at !== null ? turnLength((job.ended_at - job.started_at) * 1000) : null;
  const root = el(
    "li",
    { class: "row decided", "data-job": job.id },
    state,
    el("span", { class: "wrap", title: originOf(job) }, jobTitle(job)),
    logButton(jobTitle(job), () => showLog(job)),
    el("span", { class: "push muted" }, ownLink("job", job.id), " · ", took && `took ${took} · `, job.ended_at ? timeTag(job.ended_at, "ago") : ""),
    job.note && el("p", { class: "note wrap muted" }, ...revealed(job.note)),
  );
  return { root, update: () => undefined };
}
