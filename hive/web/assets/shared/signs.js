// @ts-check
/**
 * Signs that many fonts lack, or paint as a coloured picture, drawn as lines in the colour of the text.
 *
 * A drawing is 16 units wide and high; nobody reads it out, the words stand beside it.
 */

const SVG = "http://www.w3.org/2000/svg";
const BELL = "M3 11.5h10l-1.2-1.7V7a3.8 3.8 0 0 0-7.6 0v2.8zM6.7 13.5a1.4 1.4 0 0 0 2.6 0M8 3.2V2";
/** @type {Record<string, string>} what is drawn for each */
const DRAWINGS = {
  "🔔": BELL,
  "🔕": `${BELL}M2.5 2.5l11 11`,
  "✉": "M2 4h12v8.5H2zM2 4.5l6 4.5 6-4.5",
  "⚠": "M8 2.5 14.5 13.5h-13zM8 6.5v3.5M8 11.6v.4",
  "✂": "M13.5 3 5.6 10.2M13.5 13 5.6 5.8M5.8 4.5a1.8 1.8 0 1 1-3.6 0 1.8 1.8 0 0 1 3.6 0M5.8 11.5a1.8 1.8 0 1 1-3.6 0 1.8 1.8 0 0 1 3.6 0",
};
const DRAWN = new RegExp(`(${Object.keys(DRAWINGS).join("|")})`, "u");

/** @param {string} text of our own @returns {(Node | string)[]} with drawings in place of signs */
export function drawn(text) {
  return text.split(DRAWN).filter(Boolean).map((part) => (Object.hasOwn(DRAWINGS, part) ? drawing(DRAWINGS[part]) : part));
}

/** @param {string} path */
function drawing(path) {
  const root = document.createElementNS(SVG, "svg");
  for (const [name, value] of [["viewBox", "0 0 16 16"], ["class", "drawn"], ["aria-hidden", "true"], ["focusable", "false"]]) root.setAttribute(name, value);
  const line = document.createElementNS(SVG, "path");
  line.setAttribute("d", path);
  root.append(line);
  return root;
}
