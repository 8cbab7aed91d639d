// @ts-check
/** Which agents are shown, below whom each stands, and what a filter leaves of them. Pure. */

import { isAtWork } from "./needs.js";

/** @typedef {import("../shared/wire.js").ContainerRow} ContainerRow */

/** @typedef {{row: ContainerRow, depth: number}} Placed */

/** With more agents than these each has one line until it is opened. */
export const MANY = 10;

/**
 * Everybody below its parent, in the order given. Who has a parent that is not there stands at the
 * outermost level; so does one of a circle, with the others of it below.
 * @param {readonly ContainerRow[]} rows @returns {Placed[]} each once
 */
export function arranged(rows) {
  const names = new Set(rows.map((row) => row.name));
  /** @type {Map<string, ContainerRow[]>} */
  const children = new Map();
  for (const row of rows) {
    if (row.parent === null || row.parent === row.name || !names.has(row.parent)) continue;
    children.set(row.parent, [...(children.get(row.parent) ?? []), row]);
  }
  /** @type {Placed[]} */
  const placed = [];
  const seen = new Set();
  // No recursion: how deep it goes is not ours to say.
  const place = (/** @type {ContainerRow} */ first) => {
    const left = [{ row: first, depth: 0 }];
    for (let next = left.pop(); next; next = left.pop()) {
      const { row, depth } = next;
      if (seen.has(row.name)) continue;
      seen.add(row.name);
      placed.push(next);
      const below = children.get(row.name) ?? [];
      left.push(...[...below].reverse().map((child) => ({ row: child, depth: depth + 1 })));
    }
  };
  const isBelow = new Set([...children.values()].flat().map((row) => row.name));
  for (const row of rows) if (!isBelow.has(row.name)) place(row);
  for (const row of rows) if (!seen.has(row.name)) place(row);
  return placed;
}

/**
 * @param {ContainerRow} row @param {boolean} isNeeding @returns {string} the words a filter looks for
 */
export function wordsOf(row, isNeeding) {
  const state = row.running ? (isAtWork(row) ? "working" : "running") : "stopped";
  const words = [row.name, state, row.transient, row.why?.word, row.paused && "paused", row.needs_update && "needs update"];
  return [...words, isNeeding && "needs you", row.active_model, row.parent && `of ${row.parent}`].filter(Boolean).join(" ").toLowerCase();
}

/** @param {string} words @param {string} typed @returns {boolean} whether all that was typed is among them */
export function isWanted(words, typed) {
  return typed.toLowerCase().split(/\s+/).every((part) => words.includes(part));
}
