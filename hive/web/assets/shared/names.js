// @ts-check
/** The daemon's rules on names and sizes, so that a form can say so before it is sent. */

export const BODY_BYTES = 4096;
const PATTERN = /^[a-z](?:[a-z0-9-]{0,7}[a-z0-9])?$/;
const RESERVED = new Set(["manager", "operator", "system", "reminder", "hm1nd", "all"]);

/**
 * @param {string} name @param {readonly string[]} taken names that exist or are asked for
 * @returns {string | null} what is wrong with it, or null
 */
export function nameProblem(name, taken = []) {
  if (name === "") return "a name is needed";
  if (name.length > 9) return `at most 9 characters: this has ${name.length}`;
  if (/[A-Z]/.test(name)) return "lower-case letters only";
  if (!/^[a-z]/.test(name)) return "the first character is a letter";
  if (/[^a-z0-9-]/.test(name)) return "only letters a to z, digits and '-'";
  if (name.endsWith("-")) return "the last character is a letter or a digit";
  if (!PATTERN.test(name)) return "not a name";
  if (RESERVED.has(name)) return `'${name}' is reserved: choose another`;
  if (taken.includes(name)) return `'${name}' exists already`;
  return null;
}

/** @param {string} text @returns {number} bytes of its UTF-8 */
export function byteLength(text) {
  return new TextEncoder().encode(text).length;
}

/** @param {string} text @returns {string | null} why a message cannot be sent, or null */
export function bodyProblem(text) {
  const size = byteLength(text);
  if (size <= BODY_BYTES) return null;
  return `${size} of ${BODY_BYTES} bytes: shorten it, or put it into a file and send the path`;
}
