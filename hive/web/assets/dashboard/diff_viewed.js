// @ts-check
/** Which files of which approval were marked as viewed, kept by this browser. */

import { remember, remembered } from "../shared/dom.js";

const KEY = "viewed";
const APPROVALS_MAX = 20;

/** @returns {[number, string[]][]} the newest last; nothing where it cannot be read */
function kept() {
  try {
    const found = JSON.parse(remembered(KEY) ?? "[]");
    return Array.isArray(found) ? found : [];
  } catch {
    return []; // of another version of the page: the marks are a help, and made anew
  }
}

/** @param {number} id of the approval @returns {Set<string>} */
export function viewedOf(id) {
  return new Set(kept().find(([other]) => other === id)?.[1] ?? []);
}

/** @param {number} id @param {Set<string>} paths */
export function keepViewed(id, paths) {
  const others = kept().filter(([other]) => other !== id);
  const all = paths.size ? [...others, [id, [...paths]]] : others;
  remember(KEY, JSON.stringify(all.slice(-APPROVALS_MAX)));
}
