// @ts-check
/** `@name` at the start of a message: completing it, and sending the rest to that name. Pure. */

const START = /^@([a-z0-9*-]*)$/;
const WHOLE = /^@([a-z0-9*-]+)(?:\s+|$)([\s\S]*)$/;

/**
 * @param {string} text up to the caret @param {readonly string[]} names
 * @returns {string[] | null} names to offer, null when no name is being typed
 */
export function offered(text, names) {
  const match = START.exec(text);
  if (!match) return null;
  const found = names.filter((name) => name.startsWith(match[1]));
  return found.length > 0 ? found : null;
}

/**
 * @param {string} text @param {readonly string[]} names
 * @returns {{to: string, body: string} | null} null when it does not begin with a known name
 */
export function redirected(text, names) {
  const match = WHOLE.exec(text);
  if (!match || !names.includes(match[1])) return null;
  return { to: match[1], body: match[2] };
}
