// @ts-check
/**
 * What the statistics page shows of what a harness said. Pure; nothing of it is taken on trust.
 *
 * @typedef {{name: string, tone: string, values: (number | null)[], total: string}} Series
 * @typedef {{
 *   id: string, title: string, about: string, isStacked: boolean, format: (value: number) => string,
 *   series: Series[], starts: number[], until: number, step: number
 * }} Chart
 */

import { turnLength } from "../shared/time.js";

export const WINDOWS = ["1h", "4h", "24h", "3d", "7d", "30d"];
export const WORDS = ["hour", "4 hours", "24 hours", "3 days", "7 days", "30 days"];
const DEFAULT = "24h";
const BUCKETS_MOST = 1000;
const TONES = ["blue", "mauve", "orange", "cyan", "amber", "green", "red", "muted"];
/** @type {Record<string, string>} */
const RESULT_TONES = {
  ok: "green", compacted: "cyan", cancelled: "muted", interrupted: "muted", rate_limited: "orange",
  overloaded: "amber", needs_login: "mauve", prompt_too_long: "blue", failed: "red",
};
/** @type {Record<string, string>} */
const WAKE_TONES = { operator: "mauve", peer: "blue", reminder: "amber", system: "cyan", external: "orange" };

/** @param {string} search of an address @returns {string} the window it names, or the usual one */
export function windowOf(search) {
  const named = new URLSearchParams(search).get("window") ?? DEFAULT;
  return WINDOWS.includes(named) ? named : DEFAULT;
}

/** @param {string} name of a window */
export const inWords = (name) => WORDS[WINDOWS.indexOf(name)] ?? name;

/** @param {unknown} value @returns {number | null} */
export function figure(value) {
  return typeof value === "number" && Number.isFinite(value) && value >= 0 ? value : null;
}

/** @param {unknown} value @returns {[string, number][]} the counts of a breakdown, as they came */
export function counts(value) {
  if (typeof value !== "object" || value === null) return [];
  return Object.entries(value).map(([name, count]) => [name, figure(count) ?? 0]);
}

/** @param {number} value "950", "12.3k", "4.5M" */
export function tokens(value) {
  if (value < 1000) return String(Math.round(value));
  if (value < 1e6) return `${(value / 1000).toFixed(value < 1e4 ? 1 : 0)}k`;
  return `${(value / 1e6).toFixed(value < 1e7 ? 2 : 1)}M`;
}

/** @param {number} value "$0.0042", "$1.25" */
export const dollars = (value) => `$${value.toFixed(value !== 0 && value < 0.1 ? 4 : 2)}`;

/** @param {number} value */
const whole = (value) => (Number.isInteger(value) ? String(value) : value.toFixed(1));

/** @param {any} stats @returns {Chart[]} in the order they are shown; none without a turn */
export function charts(stats) {
  const buckets = Array.isArray(stats?.buckets) ? stats.buckets.slice(0, BUCKETS_MOST) : [];
  const starts = buckets.map((/** @type {any} */ each) => figure(each?.start) ?? 0);
  if (!figure(stats?.turns) || starts.length === 0) return [];
  const step = figure(stats.bucket_seconds) || 3600;
  const around = { starts, until: starts[starts.length - 1] + step, step };
  const stack = { ...around, isStacked: true };
  /** @param {(bucket: any) => unknown} pick */
  const values = (pick) => buckets.map((/** @type {any} */ each) => figure(pick(each ?? {})));
  /** @param {string} name @param {string} tone @param {(bucket: any) => unknown} pick @param {unknown} total @param {(value: number) => string} format */
  const one = (name, tone, pick, total, format) => ({ name, tone, values: values(pick), total: shown(total, format) });
  /** @param {string} key @param {Record<string, string>} tones */
  const mix = (key, tones) =>
    counts(stats[key]).map(([name, count], place) => ({
      name: name.replaceAll("_", " "),
      tone: tones[name] ?? TONES[place % TONES.length],
      values: values((bucket) => figure(bucket[key]?.[name]) ?? 0),
      total: String(count),
    }));
  const sums = stats.tokens ?? {};
  return [
    { id: "turns", title: "Turns", about: "How they ended", format: whole, series: mix("results", RESULT_TONES), ...stack },
    {
      id: "duration", title: "Length of a turn", about: "Half are shorter than p50, 95 % shorter than p95", format: turnLength, isStacked: false, ...around,
      series: [
        one("p95", "orange", (each) => each.duration_p95_ms, stats.duration_p95_ms, turnLength),
        one("p50", "blue", (each) => each.duration_p50_ms, stats.duration_p50_ms, turnLength),
      ],
    },
    {
      id: "tokens", title: "Tokens", about: "Every call to a model counted", format: tokens, ...stack,
      series: [
        one("read from the cache", "cyan", (each) => each.tokens?.cache_read, sums.cache_read, tokens),
        one("written to the cache", "mauve", (each) => each.tokens?.cache_creation, sums.cache_creation, tokens),
        one("input", "blue", (each) => each.tokens?.input, sums.input, tokens),
        one("output", "orange", (each) => each.tokens?.output, sums.output, tokens),
      ],
    },
    {
      id: "cost", title: "Cost", about: "US dollars at list price, as claude reckons; not what you are billed", format: dollars, ...stack,
      series: [one("list price", "green", (each) => each.cost_usd, stats.cost_usd, dollars)],
    },
    { id: "models", title: "Models", about: "Turns by the model that answered last", format: whole, series: mix("models", {}), ...stack },
    {
      id: "context", title: "Context", about: "Tokens the conversation held behind a turn", format: tokens, isStacked: false, ...around,
      series: [
        one("most", "orange", (each) => each.context_max, stats.context_max, tokens),
        one("on average", "blue", (each) => each.context_avg, stats.context_avg, tokens),
      ],
    },
    { id: "wakes", title: "Woken by", about: "Turns by what they were about", format: whole, series: mix("wakes", WAKE_TONES), ...stack },
  ];
}

/** @param {unknown} value @param {(value: number) => string} format */
function shown(value, format) {
  const known = figure(value);
  return known === null ? "–" : format(known);
}

/**
 * Each series on top of those before it, so that the last one is as high as all of them.
 * @param {(number | null)[][]} series @returns {number[][]}
 */
export function stacked(series) {
  /** @type {number[][]} */
  const piles = [];
  for (const values of series) {
    const below = piles[piles.length - 1];
    piles.push(values.map((value, place) => (value ?? 0) + (below?.[place] ?? 0)));
  }
  return piles;
}

/** @param {any} stats @returns {[string, string, string][]} label, value and what it means, of each tile */
export function tiles(stats) {
  const sums = stats?.tokens ?? {};
  const all = counts(sums).reduce((sum, [, count]) => sum + count, 0);
  const window = figure(stats?.context_window);
  const unpriced = figure(stats?.unpriced) ?? 0;
  return [
    ["Turns", shown(stats?.turns, whole), `${shown(stats?.messages, whole)} ${stats?.messages === 1 ? "message" : "messages"}`],
    ["Length", shown(stats?.duration_p50_ms, turnLength), `half of them; 95 % within ${shown(stats?.duration_p95_ms, turnLength)}`],
    ["Tokens", tokens(all), `${shown(sums.output, tokens)} of them output`],
    ["Cost", shown(stats?.cost_usd, dollars), unpriced ? `list price; ${whole(unpriced)} ${unpriced === 1 ? "turn" : "turns"} without a figure` : "list price"],
    ["Context", shown(stats?.context_last, tokens), window ? `of ${tokens(window)} tokens` : "tokens at last"],
    ["Tools", shown(stats?.tool_calls, whole), "calls"],
  ];
}

/** @param {Chart} chart @returns {string} what somebody hears who does not see it */
export function spoken(chart) {
  const parts = chart.series.slice(0, 6).map((each) => `${each.name} ${each.total}`);
  return `${chart.title}: ${chart.about}. In all: ${parts.join(", ") || "nothing"}. The table below has every figure.`;
}

/** @param {number} at Unix seconds @returns {[string, string]} day and time, "11-28" and "14:05" */
function dayAndTime(at) {
  const date = new Date(at * 1000);
  const day = `${String(date.getMonth() + 1).padStart(2, "0")}-${String(date.getDate()).padStart(2, "0")}`;
  return [day, date.toTimeString().slice(0, 5)];
}

/** @param {number} at Unix seconds @returns {string} "11-28 14:05" */
export const moment = (at) => dayAndTime(at).join(" ");

/** @param {number[]} places on the axis of time @returns {string[]} what stands there; a day once */
export function marks(places) {
  const found = places.map(dayAndTime);
  if (found.every(([, time]) => time === found[0][1])) return found.map(([day]) => day);
  return found.map(([day, time], place) => (day === found[place - 1]?.[0] ? time : `${time}\n${day}`));
}
