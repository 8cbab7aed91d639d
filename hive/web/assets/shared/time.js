// @ts-check
/** Moments and durations as people read them; times are Unix seconds. */

import { el } from "./dom.js";

/** @param {number} seconds "12s", "3m 04s", "2h 10m", "5d" */
export function duration(seconds) {
  const whole = Math.max(0, Math.floor(seconds));
  if (whole < 60) return `${whole}s`;
  if (whole < 3600) return `${Math.floor(whole / 60)}m ${String(whole % 60).padStart(2, "0")}s`;
  if (whole < 86400) {
    return `${Math.floor(whole / 3600)}h ${String(Math.floor(whole / 60) % 60).padStart(2, "0")}m`;
  }
  return `${Math.floor(whole / 86400)}d`;
}

/** @param {number} ms "870ms", "12.3s", "2m 05s" */
export function turnLength(ms) {
  if (ms < 1000) return `${Math.round(ms)}ms`;
  if (ms < 60000) return `${(ms / 1000).toFixed(1)}s`;
  return duration(ms / 1000);
}

/** @param {number} seconds how long ago, or in how long */
export function relative(seconds) {
  if (Math.abs(seconds) < 5) return "now";
  const text = coarse(Math.abs(seconds));
  return seconds > 0 ? `${text} ago` : `in ${text}`;
}

/** @param {number} seconds */
function coarse(seconds) {
  if (seconds < 60) return `${Math.floor(seconds)}s`;
  if (seconds < 3600) return `${Math.floor(seconds / 60)}m`;
  if (seconds < 86400) return `${Math.floor(seconds / 3600)}h`;
  return `${Math.floor(seconds / 86400)}d`;
}

/** @param {number} at "14:03:11", with the date when it is not today's */
export function clock(at, now = Date.now() / 1000) {
  const date = new Date(at * 1000);
  const time = date.toTimeString().slice(0, 8);
  const sameDay = date.toDateString() === new Date(now * 1000).toDateString();
  if (sameDay) return time;
  const month = String(date.getMonth() + 1).padStart(2, "0");
  return `${month}-${String(date.getDate()).padStart(2, "0")} ${time.slice(0, 5)}`;
}

/** @param {number} bytes "812 B", "1.4 MB" */
export function size(bytes) {
  const units = ["B", "kB", "MB", "GB", "TB"];
  let value = bytes;
  let unit = 0;
  while (value >= 1000 && unit < units.length - 1) {
    value /= 1000;
    unit += 1;
  }
  return `${unit === 0 ? value : value.toFixed(1)} ${units[unit]}`;
}

/** @param {number} tokens "950", "12.3k", "1.5M" */
export function count(tokens) {
  if (tokens >= 1e6) return `${Number((tokens / 1e6).toFixed(2))}M`;
  return tokens < 1000 ? String(tokens) : `${(tokens / 1000).toFixed(tokens < 10000 ? 1 : 0)}k`;
}

/**
 * A `<time>` that keeps itself current.
 * @param {number} at @param {"ago" | "clock"} shown
 */
export function timeTag(at, shown = "clock") {
  const date = new Date(at * 1000);
  // What an agent says may be a moment that no calendar has.
  if (Number.isNaN(date.getTime())) return el("time", { class: "time", title: "no such time" }, "?");
  const node = el("time", { class: "time", title: date.toLocaleString() });
  node.dateTime = date.toISOString();
  if (shown === "ago") ticking(node, (now) => relative(now - at));
  else node.textContent = clock(at);
  return node;
}

/** @type {Map<Element, (now: number) => string>} */
const tickers = new Map();

/**
 * Let `node` show `text(now)` and follow the clock for as long as it is in the document.
 * @param {Element} node @param {(now: number) => string} text
 */
export function ticking(node, text) {
  node.textContent = text(Date.now() / 1000);
  if (tickers.size === 0) setTimeout(tick, 1000);
  tickers.set(node, text);
}

/** @param {Element} node */
export function stopTicking(node) {
  tickers.delete(node);
}

function tick() {
  const now = Date.now() / 1000;
  for (const [node, text] of tickers) {
    if (!node.isConnected) {
      tickers.delete(node);
      continue;
    }
    const next = text(now);
    if (node.textContent !== next) node.textContent = next;
  }
  if (tickers.size > 0) setTimeout(tick, 1000);
}
