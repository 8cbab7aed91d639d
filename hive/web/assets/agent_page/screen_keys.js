// @ts-check
/** Keys that a browser keeps for itself, and texts, as keys of an X server. Pure. */

/** @typedef {{sym: number, code: string}} Key */

const LATIN_1 = 0x100;
const UNICODE = 0x01000000;
export const TYPED_MOST = 2000;

const CONTROL = { sym: 0xffe3, code: "ControlLeft" };
const ALT = { sym: 0xffe9, code: "AltLeft" };
const SUPER = { sym: 0xffeb, code: "MetaLeft" };
const DELETE = { sym: 0xffff, code: "Delete" };
const ESCAPE = { sym: 0xff1b, code: "Escape" };
const TAB = { sym: 0xff09, code: "Tab" };
const F4 = { sym: 0xffc1, code: "F4" };
const RETURN = { sym: 0xff0d, code: "" };

/** @type {readonly [string, readonly Key[]][]} what the menu offers, pressed in this order */
export const CHORDS = [
  ["Ctrl+Alt+Del", [CONTROL, ALT, DELETE]],
  ["Alt+Tab", [ALT, TAB]],
  ["Alt+F4", [ALT, F4]],
  ["Super", [SUPER]],
  ["Escape", [ESCAPE]],
  ["Tab", [TAB]],
];

/** @param {readonly Key[]} keys @returns {[Key, boolean][]} presses, then releases from the last on */
export function strokes(keys) {
  const up = [...keys].reverse();
  return [...keys.map((key) => /** @type {[Key, boolean]} */ ([key, true])), ...up.map((key) => /** @type {[Key, boolean]} */ ([key, false]))];
}

/** @param {string} text @returns {Key[]} a key for each character; those that none types are left out */
export function typed(text) {
  const keys = [];
  for (const char of text.replace(/\r\n?/g, "\n")) {
    const point = /** @type {number} */ (char.codePointAt(0));
    if (char === "\n") keys.push(RETURN);
    else if (char === "\t") keys.push({ ...TAB, code: "" });
    else if (point >= 0x20 && !(point >= 0x7f && point < 0xa0)) keys.push({ sym: point < LATIN_1 ? point : UNICODE + point, code: "" });
  }
  return keys;
}

/**
 * The way out of a screen that gets every key: what remote desktops have it for.
 * @param {{ctrlKey: boolean, altKey: boolean, key: string}} event @returns {boolean}
 */
export function isWayOut(event) {
  return event.ctrlKey && event.altKey && event.key === "Home";
}
