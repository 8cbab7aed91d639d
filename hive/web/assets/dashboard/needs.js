// @ts-check
/** What needs the operator now, derived from the state alone: nothing else keeps count. Pure. */

import { agentPage } from "./urls.js";
import { linkTo } from "./address.js";
import { operatorQuestions } from "./state.js";
import { isGivenUp } from "./reminders.js";
import { approvalTitle, jobTitle } from "./words.js";

/** @typedef {import("../shared/wire.js").DashboardState} State */
/** @typedef {import("../shared/wire.js").ContainerRow} ContainerRow */
/** @typedef {import("../shared/wire.js").Notice} Notice */
/** @typedef {import("../shared/wire.js").Job} Job */
/**
 * @typedef {{
 *   key: string, kind: string, what: string, text: string, at: number | null,
 *   href: string | null, passes?: Notice
 * }} Need
 * `text` is of others; `href` is where it is decided; `passes`: it can be dismissed, and how that
 * is remembered.
 */

/** How many of one kind have a line of their own. */
const SHOWN = 5;
const TEXT_CHARS = 140;
/** @type {Record<string, [string, string]>} where all of a kind stand, and what several are called */
export const SECTIONS = {
  agent: ["#containers", "agents"],
  approval: ["#approvals", "approvals"],
  question: ["#questions", "questions"],
  job: ["#built", "failed jobs"],
  reminder: ["#reminders", "reminders given up"],
  mail: ["#inbox", "unread messages"],
};
/** Told of the agents themselves, whose rows say it. */
const OF_ROWS = new Set(["failed", "needs_login"]);

/** @param {State} state @returns {Need[]} what stops the hive first, then what stops an agent, then what waits */
export function needs(state) {
  const broken = state.containers.filter((row) => isBroken(state, row));
  return [
    ...state.notices.filter((one) => one.level === "error" && !isOfRows(one)).map(ofNotice),
    ...inTurn(broken.map(ofAgent)),
    ...inTurn(state.approvals.map(ofApproval)),
    ...questionsInTurn(state).map(ofQuestion),
    ...inTurn(failedJobs(state.jobs, broken).map(ofJob)),
    ...inTurn(state.reminders.filter(isGivenUp).map(ofReminder)),
    ...inTurn(state.inbox.filter((row) => row.acked_at === null).map(ofMail)),
  ];
}

/** @param {readonly Notice[]} notices @returns {Notice[]} what is to be known but asks for nothing */
export function onlyTold(notices) {
  return notices.filter((one) => one.level !== "error" && !isOfRows(one));
}

/** @param {readonly Need[]} all @returns {Need[]} as lines: of each kind the first few, and how many more */
export function linesOf(all) {
  /** @type {Need[]} */
  const lines = [];
  for (const kind of new Set(all.map((one) => one.kind))) {
    const same = all.filter((one) => one.kind === kind);
    const section = SECTIONS[kind];
    const shown = section && same.length > SHOWN + 1 ? same.slice(0, SHOWN) : same;
    lines.push(...shown);
    if (shown.length === same.length) continue;
    const [href, word] = section;
    const what = `and ${same.length - shown.length} more ${word}`;
    lines.push({ key: `more ${kind}`, kind, what, text: "", at: null, href });
  }
  return lines;
}

/** @param {State} state @returns {string} how many agents are at what */
export function workText(state) {
  const rows = state.containers;
  if (rows.length === 0) return "There is no agent yet.";
  const off = rows.filter((row) => !row.running).length;
  const busy = rows.filter((row) => row.running && isAtWork(row)).length;
  const idle = rows.length - off - busy;
  const rest = [idle && `${idle} idle`, off && `${off} off`];
  const all = `${busy} of ${rows.length} agent${rows.length === 1 ? "" : "s"} at work`;
  return [all, ...rest.filter(Boolean)].join(", ");
}

/** @param {ContainerRow} row */
export function isAtWork(row) {
  return ["thinking", "compacting"].includes(row.turn_state) || row.why?.code === "chatting";
}

/** @param {Notice} one */
const isOfRows = (one) => OF_ROWS.has(one.kind ?? "");

/** @param {State} state @param {ContainerRow} row whether somebody has to do something about it */
export function isBroken(state, row) {
  if (row.why?.level !== "error" || row.transient) return false;
  // Said once, of the hive as a whole.
  return row.why.code !== "no_claude" || !state.notices.some((one) => one.kind === "no_claude");
}

/**
 * What failed last and was not done since; nothing of an agent that has a line of its own.
 * @param {readonly Job[]} jobs @param {readonly ContainerRow[]} broken @returns {Job[]}
 */
function failedJobs(jobs, broken) {
  const told = new Set(broken.map((row) => row.name));
  return jobs.filter((job) => {
    if (job.state !== "failed" || told.has(job.agent ?? "")) return false;
    return !jobs.some((other) => other.id > job.id && isSettledBy(job, other));
  });
}

/** @param {Job} job @param {Job} later */
function isSettledBy(job, later) {
  if ((job.agent ?? job.kind) !== (later.agent ?? later.kind) || later.state === "cancelled") return false;
  return later.kind !== "restart" || job.kind === "restart";
}

/** @param {Need[]} found @returns {Need[]} the oldest first */
function inTurn(found) {
  return found.sort((a, b) => (a.at ?? 0) - (b.at ?? 0));
}

/** @param {State} state what runs out first, first */
function questionsInTurn(state) {
  const end = (/** @type {import("../shared/wire.js").Question} */ one) => one.deadline_at ?? Infinity;
  return [...operatorQuestions(state)].sort((a, b) => (end(a) < end(b) ? -1 : end(a) > end(b) ? 1 : a.asked_at - b.asked_at));
}

/** @param {string} text markdown @returns {string} its first words, in one line */
function short(text) {
  const line = text.replace(/\*\*|`+|^#+ /gm, "").trim().replace(/\s+/g, " ");
  const letters = [...line.slice(0, 2 * TEXT_CHARS)];
  return letters.length > TEXT_CHARS ? `${letters.slice(0, TEXT_CHARS).join("")}…` : line;
}

/** @type {Record<string, string>} */
const NOTICE_AT = { audit_damaged: "#audit", audit_stuck: "#audit", task: "#tasks" };

/** @param {Notice} one @returns {Need} */
function ofNotice(one) {
  const about = (one.about ?? []).join(" ");
  const href = NOTICE_AT[one.kind ?? ""] ?? null;
  return { key: `notice ${one.kind} ${about}`, kind: "notice", what: "the hive", text: one.message, at: null, href, passes: one };
}

/** @param {ContainerRow} row @returns {Need} */
function ofAgent(row) {
  const why = /** @type {import("../shared/wire.js").Reason} */ (row.why);
  const at = why.since ? Date.parse(why.since) / 1000 : null;
  const href = why.code === "needs_login" ? agentPage(row.name) : linkTo("agent", row.name);
  return { key: `agent ${row.name}`, kind: "agent", what: `${row.name}: ${why.word}`, text: why.sentence, at, href };
}

/** @param {import("../shared/wire.js").Approval} one @returns {Need} */
function ofApproval(one) {
  return {
    key: `approval ${one.id}`, kind: "approval", what: `approve ${approvalTitle(one)}?`,
    text: short(one.description ?? ""), at: one.requested_at, href: linkTo("approval", one.id),
  };
}

/** @param {import("../shared/wire.js").Question} one @returns {Need} */
function ofQuestion(one) {
  return {
    key: `question ${one.id}`, kind: "question", what: `${one.asker} asks`, text: short(one.question),
    at: one.asked_at, href: linkTo("question", one.id),
  };
}

/** @param {Job} job @returns {Need} */
function ofJob(job) {
  return {
    key: `job ${job.id}`, kind: "job", what: `failed: ${jobTitle(job)}`, text: short(job.note ?? ""),
    at: job.ended_at, href: linkTo("job", job.id),
    passes: { kind: "job", level: "error", message: "", about: [String(job.id)] },
  };
}

/** @param {import("../shared/wire.js").Reminder} one @returns {Need} */
function ofReminder(one) {
  return {
    key: `reminder ${one.id}`, kind: "reminder", what: `given up: a reminder of ${one.agent}`,
    text: short(one.last_error ?? one.message), at: one.due_at, href: linkTo("reminder", one.id),
  };
}

/** @param {import("../shared/wire.js").MessageRow} row @returns {Need} */
function ofMail(row) {
  return {
    key: `mail ${row.id}`, kind: "mail", what: `${row.from} writes`, text: short(row.body),
    at: row.sent_at, href: linkTo("mail", row.id),
  };
}
