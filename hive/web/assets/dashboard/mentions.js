// @ts-check
/** Names at the start of a message, as `@bob @carol text`: completing them, and who gets it. Pure. */

const NAME = /^@([a-z0-9*-]+)[,:]?(?:\s+|$)/;
const PART = /^@([a-z0-9*-]*)$/;
const ALL = "*";

/**
 * @typedef {{to: string[], body: string, odd: string | null}} Addressed
 *   odd: what stands behind the names like one more, and is nobody's
 */

/**
 * @param {string} text @param {readonly string[]} names
 * @returns {Addressed | null} null when it does not begin with a known name
 */
export function addressed(text, names) {
  const { to, rest } = leading(text, names);
  if (to.length === 0) return null;
  const next = NAME.exec(rest);
  return { to: to.includes(ALL) ? [ALL] : to, body: rest, odd: next ? next[1] : null };
}

/** @param {string} text @param {readonly string[]} names */
function leading(text, names) {
  /** @type {string[]} */
  const to = [];
  let rest = text;
  for (let match = NAME.exec(rest); match && names.includes(match[1]); match = NAME.exec(rest)) {
    if (!to.includes(match[1])) to.push(match[1]);
    rest = rest.slice(match[0].length);
  }
  return { to, rest };
}

/**
 * @param {string} text up to the caret @param {readonly string[]} names
 * @returns {string[] | null} names to offer, null when no name is being typed
 */
export function offered(text, names) {
  const { to, rest } = unfinished(text, names);
  const match = PART.exec(rest);
  if (!match || to.includes(ALL)) return null;
  const found = names.filter((name) => name.startsWith(match[1]) && !to.includes(name) && (name !== ALL || to.length === 0));
  return found.length > 0 ? found : null;
}

/** The last name is still being typed as long as nothing follows it. @param {string} text @param {readonly string[]} names */
function unfinished(text, names) {
  const last = text.lastIndexOf("@");
  const { to, rest } = leading(text.slice(0, Math.max(last, 0)), names);
  return { to, rest: rest === "" ? text.slice(Math.max(last, 0)) : text };
}

/**
 * @param {string} text @param {number} caret @param {string} name that takes the place of what is typed of it
 * @returns {{text: string, caret: number}}
 */
export function completed(text, caret, name) {
  const start = text.lastIndexOf("@", caret - 1);
  const before = `${text.slice(0, start)}@${name} `;
  return { text: before + text.slice(caret).replace(/^\s+/, ""), caret: before.length };
}

/** @param {readonly string[]} to @param {string} body @returns {string} as it would be typed */
export function written(to, body) {
  return [...to.map((name) => `@${name}`), body].join(" ");
}

/** @param {readonly string[]} to @returns {string} "bob, carol and dave" */
export function spoken(to) {
  if (to.includes(ALL)) return "everybody";
  if (to.length < 2) return to[0] ?? "nobody";
  return `${to.slice(0, -1).join(", ")} and ${to[to.length - 1]}`;
}
