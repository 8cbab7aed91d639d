// @ts-check
/** Which commands fit what was typed, the best first; and which key means which. Pure. */

/** @typedef {{name: string, where: string, run: () => void}} Command */

const AT_START = 3;
const AT_WORD = 2;
const WITHIN = 1;

/** @param {string} text @param {string} word @returns {number} 0: it is not in there */
function weight(text, word) {
  const at = text.indexOf(word);
  if (at < 0) return 0;
  if (at === 0) return AT_START;
  return /[\s:'(,-]/.test(text[at - 1]) || text.includes(` ${word}`) ? AT_WORD : WITHIN;
}

/**
 * Every word has to be in the name or in where it stands; the name counts more.
 * @template {{name: string, where: string}} T
 * @param {readonly T[]} commands @param {string} typed
 * @returns {T[]} in their own order where they fit equally well
 */
export function fitting(commands, typed) {
  const words = typed.toLowerCase().split(/\s+/).filter(Boolean);
  const weighed = commands.map((command, at) => {
    const [name, where] = [command.name.toLowerCase(), command.where.toLowerCase()];
    const weights = words.map((word) => 2 * weight(name, word) || weight(where, word));
    const sum = weights.includes(0) ? -1 : weights.reduce((all, one) => all + one, 0);
    return { command, at, sum };
  });
  const found = weighed.filter(({ sum }) => sum >= 0);
  found.sort((a, b) => b.sum - a.sum || a.at - b.at);
  return found.map(({ command }) => command);
}

/**
 * @typedef {{
 *   key: string, ctrlKey: boolean, metaKey: boolean, altKey: boolean, isComposing: boolean
 * }} Stroke
 */
/**
 * @param {Stroke} stroke @param {{isWriting: boolean, isOff: boolean}} now
 * @returns {string | null} "palette" for Ctrl+K anywhere; a single key only outside of fields, and
 *   only while they are switched on
 */
export function meant(stroke, { isWriting, isOff }) {
  if (stroke.isComposing) return null;
  const isControl = (stroke.ctrlKey || stroke.metaKey) && !stroke.altKey;
  if (isControl && stroke.key.toLowerCase() === "k") return "palette";
  if (isWriting || isOff || stroke.ctrlKey || stroke.metaKey || stroke.altKey) return null;
  if (stroke.key === ":") return "palette";
  return stroke.key.length === 1 ? stroke.key : null;
}

/**
 * @param {number} at of `count`, -1 for none @param {number} step 1 or -1 @param {number} count
 * @returns {number} the next one, around the ends
 */
export function stepped(at, step, count) {
  if (count === 0) return -1;
  if (at < 0) return step > 0 ? 0 : count - 1;
  return (at + step + count) % count;
}
