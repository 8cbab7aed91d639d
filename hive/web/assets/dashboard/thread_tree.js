// @ts-check
/**
 * A thread as a tree that stays readable however deep it is. Pure.
 *
 * Whoever only answers the other goes straight down; a step to the right is made where one message
 * has several answers. What stands directly below its parent says nothing of it, any other row does.
 */

/** @typedef {import("../shared/wire.js").MessageRow} MessageRow */
/**
 * @typedef {{
 *   message: MessageRow, depth: number, parent: MessageRow | null, isApart: boolean,
 *   below: number, isFolded: boolean
 * }} Branch depth: steps to the right; isApart: the parent is not the row above; below: how many answers
 *   there are to it and to them
 */

/**
 * @param {Iterable<MessageRow>} messages of one thread, in any order
 * @param {ReadonlySet<number>} folded ids of those whose answers are not wanted
 * @returns {Branch[]} from top to bottom; takes as long as there are messages
 */
export function branches(messages, folded) {
  const known = new Map([...messages].sort((a, b) => a.id - b.id).map((one) => [one.id, one]));
  /** @type {Map<number, MessageRow[]>} */
  const answers = new Map();
  /** @type {MessageRow[]} */
  const first = [];
  for (const one of known.values()) {
    const parent = one.in_reply_to !== null && known.has(one.in_reply_to) ? one.in_reply_to : null;
    if (parent === null) first.push(one);
    else if (answers.has(parent)) answers.get(parent)?.push(one);
    else answers.set(parent, [one]);
  }
  return walk(first, answers, known, folded);
}

/** @param {MessageRow[]} first @param {Map<number, MessageRow[]>} answers @param {Map<number, MessageRow>} known @param {ReadonlySet<number>} folded */
function walk(first, answers, known, folded) {
  const below = counts(known);
  /** @type {Branch[]} */
  const found = [];
  const left = first.map((message) => ({ message, depth: 0 })).reverse();
  while (left.length > 0) {
    const { message, depth } = /** @type {{message: MessageRow, depth: number}} */ (left.pop());
    const parent = (message.in_reply_to !== null && known.get(message.in_reply_to)) || null;
    const isFolded = folded.has(message.id);
    const isApart = parent !== null && found[found.length - 1]?.message !== parent;
    found.push({ message, depth, parent, isApart, below: below.get(message.id) ?? 0, isFolded });
    if (isFolded) continue;
    const next = answers.get(message.id) ?? [];
    const step = next.length > 1 ? 1 : 0;
    for (let at = next.length - 1; at >= 0; at -= 1) left.push({ message: next[at], depth: depth + step });
  }
  return found;
}

/** What is answered is older than its answers, so the newest are counted first. @param {Map<number, MessageRow>} known */
function counts(known) {
  /** @type {Map<number, number>} */
  const below = new Map();
  for (const one of [...known.values()].reverse()) {
    if (one.in_reply_to === null || !known.has(one.in_reply_to)) continue;
    below.set(one.in_reply_to, (below.get(one.in_reply_to) ?? 0) + (below.get(one.id) ?? 0) + 1);
  }
  return below;
}

/** Who writes but is nobody to write to. */
const NOBODY = new Set(["operator", "system", "reminder"]);

/**
 * @param {MessageRow | null} message @param {readonly string[]} names of those who can be written to
 * @returns {{name: string, isMeant: boolean}[]} whom an answer may go to; who wrote it is meant, or,
 *   of a message of the operator's, whom it went to
 */
export function parties(message, names) {
  if (message === null) return [];
  const from = message.origin === "external" ? "" : message.from;
  const both = [...new Set([from, message.to])];
  const found = both.filter((name) => !NOBODY.has(name) && names.includes(name));
  return found.map((name, at) => ({ name, isMeant: at === 0 }));
}

/** @param {string} hash of the page's address @returns {number | null} the message whose thread it names */
export function threadIn(hash) {
  const match = /^#thread-(\d{1,15})$/.exec(hash);
  return match ? Number(match[1]) : null;
}
