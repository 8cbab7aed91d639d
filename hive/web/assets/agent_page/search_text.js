// @ts-check
/** What a frame says as one text, and the part of it around what was looked for. Pure. */

/** @typedef {import("../shared/wire.js").Frame} Frame */

const BEFORE = 40;
const AFTER = 160;
/** Nobody looks for these, and they would hide what is said. */
const UNSAID = /^(?:kind|seq|type|subtype|id|role|usage|signature|model|timestamp|request_?id|tool_result_meta)$|_id$|uuids?$/i;

/** @param {Frame} frame @returns {string} */
export function textOf(frame) {
  /** @type {string[]} */
  const said = [];
  collect(frame, said);
  return said.join(" · ").replace(/\s+/g, " ");
}

/** @param {unknown} value @param {string[]} said */
function collect(value, said) {
  if (typeof value === "string") {
    if (value.trim()) said.push(value);
  } else if (Array.isArray(value)) {
    for (const one of value) collect(one, said);
  } else if (value && typeof value === "object" && !("type" in value && value.type === "base64")) {
    for (const [key, one] of Object.entries(value)) if (!UNSAID.test(key)) collect(one, said);
  }
}

/**
 * @param {string} text @param {string} words
 * @returns {[string, string, string]} before, the match, behind it; clipped
 */
export function stripped(text, words) {
  const at = text.toLowerCase().indexOf(words.toLowerCase());
  if (at < 0) return [text.slice(0, BEFORE + AFTER), "", ""];
  const start = Math.max(0, at - BEFORE);
  const end = at + words.length;
  return [(start > 0 ? "…" : "") + text.slice(start, at), text.slice(at, end), text.slice(end, end + AFTER)];
}
