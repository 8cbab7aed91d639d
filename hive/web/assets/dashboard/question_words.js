// @ts-check
/** Questions by whom they concern, how long they wait, and how they were closed. Pure. */

import { duration } from "../shared/time.js";

/** @typedef {import("../shared/wire.js").Question} Question */

const URGENT_S = 60;
const URGENT_MOST_S = 600;
const URGENT_PART = 0.1;
export const ALL = "all";
export const TO_OPERATOR = "@operator";
export const TO_PEER = "@peer";

/** @param {Question} one @returns {boolean} whether it was put to an agent */
export const isPeer = (one) => one.target !== null && one.target !== "operator";

/** @param {Question} one */
export const whoOf = (one) => (isPeer(one) ? `${one.asker} → ${one.target}` : one.asker);

/**
 * @param {Question} one @param {string} filter a name, or one of the three above
 * @returns {boolean}
 */
export function fits(one, filter) {
  if (filter === ALL) return true;
  if (filter === TO_OPERATOR) return !isPeer(one);
  if (filter === TO_PEER) return isPeer(one);
  return one.asker === filter || one.target === filter;
}

/**
 * @param {readonly Question[]} questions @param {string} chosen stays, even when nothing fits it any more
 * @returns {{filter: string, count: number}[]} the three, then who takes part, by name
 */
export function filtersOf(questions, chosen) {
  const names = new Set(questions.flatMap((one) => (isPeer(one) ? [one.asker, String(one.target)] : [one.asker])));
  if (![ALL, TO_OPERATOR, TO_PEER].includes(chosen)) names.add(chosen);
  const all = [ALL, TO_OPERATOR, TO_PEER, ...[...names].sort()];
  return all.map((filter) => ({ filter, count: questions.filter((one) => fits(one, filter)).length }));
}

/**
 * @param {Question} one with a deadline @param {number} now
 * @returns {{text: string, isUrgent: boolean}} what is left of it: "3m 04s", urgent at its end
 */
export function timeLeft(one, now) {
  const end = one.deadline_at ?? 0;
  const left = end - now;
  if (left <= 0) return { text: "time is up", isUrgent: true };
  const part = Math.min(URGENT_PART * (end - one.asked_at), URGENT_MOST_S);
  return { text: `${long(left)} left`, isUrgent: left <= Math.max(URGENT_S, part) };
}

/** Hours are not made into days. @param {number} seconds */
function long(seconds) {
  const whole = Math.floor(seconds);
  if (whole < 86400) return duration(whole);
  return `${Math.floor(whole / 3600)}h ${String(Math.floor(whole / 60) % 60).padStart(2, "0")}m`;
}

/** @type {Record<string, [string, string]>} */
const HOWS = {
  answered: ["✓ answered", "go"],
  overridden: ["✎ overridden", "mauve"],
  cancelled: ["✗ cancelled", "danger"],
  expired: ["◷ expired", "warm"],
};
export const HOW_WORDS = [["", "any way"], ...Object.keys(HOWS).map((how) => [how, how])];

/** @param {Question} one closed @returns {[string, string]} how, and its tone */
export function howOf(one) {
  return HOWS[one.how ?? "answered"] ?? [String(one.how), ""];
}

/** @param {Question} one closed @returns {string} who closed it, as people say it */
export function closedBy(one) {
  if (one.how === "expired") return "nobody in time";
  return one.answerer === "operator" ? "the operator" : one.answerer ?? "?";
}

/** @param {readonly Question[]} rows @returns {Question[]} each once, those first that were closed last */
export function inOrder(rows) {
  const each = [...new Map(rows.map((one) => [one.id, one])).values()];
  return each.sort((a, b) => (b.answered_at ?? 0) - (a.answered_at ?? 0) || b.id - a.id);
}
