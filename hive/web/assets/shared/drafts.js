// @ts-check
/**
 * What is typed and not sent yet: this browser keeps it until it is, over a reload and a closed tab.
 *
 * Of more than `MOST` drafts the ones that were touched last are kept. A name holds what its thing
 * is known by beyond its number, so that no other hive at this address shows it.
 */

import { remember, remembered } from "./dom.js";

const KEY = "drafts";
const MOST = 50;

/** @returns {[string, string][]} name and text, what was touched last at the end */
function all() {
  try {
    const found = JSON.parse(remembered(KEY) ?? "[]");
    return Array.isArray(found) ? found.filter((one) => Array.isArray(one) && one.length === 2 && one.every((part) => typeof part === "string")) : [];
  } catch {
    return []; // somebody else wrote there: nothing is kept
  }
}

/** @param {string} name @returns {string} "" when there is none */
export function draftOf(name) {
  return all().find(([known]) => known === name)?.[1] ?? "";
}

/** @param {string} begin @returns {string[]} the names that begin so, without that, the oldest first */
export function draftsBelow(begin) {
  return all().flatMap(([name]) => (name.startsWith(begin) ? [name.slice(begin.length)] : []));
}

/** @param {string} name @param {string} text "" when it was sent, or is not wanted any more */
export function keepDraft(name, text) {
  const known = all();
  const others = known.filter(([other]) => other !== name);
  if (!text && others.length === known.length) return;
  if (text) others.push([name, text]);
  remember(KEY, others.length > 0 ? JSON.stringify(others.slice(-MOST)) : null);
}

/**
 * A field that shows its draft, and keeps what is typed as one. What empties it by a script has to
 * fire `input`, as the page's own forms do.
 * @param {HTMLInputElement | HTMLTextAreaElement} field @param {string} name
 */
export function drafted(field, name) {
  field.value = draftOf(name) || field.value;
  field.addEventListener("input", () => keepDraft(name, field.value));
}

/**
 * The answer to a question, which may be given on the dashboard and on an agent's page.
 * @param {number} id @param {string} text of the question @param {string} [what] "chosen": its options, by number
 */
export const questionDraft = (id, text, what = "typed") => `question ${id} ${text.slice(0, 40)} ${what}`;
