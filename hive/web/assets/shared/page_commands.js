// @ts-check
/**
 * What can be done on a page, read off the page itself: nothing has to be told twice, so that
 * whatever has a button is a command too, under its plain name.
 */

import { reveal } from "./reveal.js";
import { toast } from "./toast.js";

/** @typedef {import("./command_match.js").Command} Command */

const CONTROLS = "button, a[href]:not(h2 a), summary";
const FIELDS = "textarea, input[type=search], input[type=text], select";
/** A log's rows would bury everything else; dialogs are what opens over the page. */
const LEFT_OUT = ".log, dialog, .toasts, .skip-link, .md, [data-no-command]";

/** @param {Node} node @returns {string} what assistive technology reads of its text */
function spoken(node) {
  if (node instanceof Element) {
    if (node.getAttribute("aria-hidden") === "true" || node instanceof HTMLSelectElement) return "";
    const label = node.getAttribute("aria-label");
    if (label) return label;
    return [...node.childNodes].map(spoken).join(" ");
  }
  return node.textContent ?? "";
}

/** @param {Element} node @returns {string} its plain name, in one line */
export function plainName(node) {
  const named = node instanceof HTMLInputElement || node instanceof HTMLTextAreaElement ? labelled(node) : "";
  return (named || spoken(node)).replace(/\s+/g, " ").replace(/ ([:,.])/g, "$1").trim();
}

/** @param {HTMLInputElement | HTMLTextAreaElement} field */
function labelled(field) {
  return field.labels?.length ? spoken(field.labels[0]) : "";
}

/** @param {Element} node @returns {string} the section it stands in, and of whom it speaks */
function whereOf(node) {
  const section = node.closest("section, details.section, details.drawer");
  const title = section?.querySelector("h2, summary");
  const agent = node.closest("[data-agent]")?.getAttribute("data-agent");
  const said = plainName(node);
  return [title && title !== node ? plainName(title) : "", agent && !said.includes(agent) ? agent : ""].filter(Boolean).join(" · ");
}

/** Whether it can be used now; what is folded away can, what is hidden cannot. @param {Element} node */
function isUsable(node) {
  if (node.closest(LEFT_OUT) || node.closest("[hidden]")) return false;
  return node.getAttribute("aria-disabled") !== "true" && !node.matches(":disabled");
}

/** @param {HTMLElement} node gets into sight, and has the focus */
function arrive(node) {
  reveal(node);
  node.scrollIntoView({ block: "nearest" });
  node.focus({ preventScroll: true });
}

/** @param {HTMLElement} node @param {boolean} isField @returns {() => void} */
function use(node, isField) {
  return () => {
    if (!node.isConnected || !isUsable(node)) return toast("That is not there any more.");
    arrive(node);
    if (!isField) node.click();
  };
}

/** @param {HTMLElement} heading @returns {Command} */
function jump(heading) {
  const place = /** @type {HTMLElement} */ (heading.closest("section, details") ?? heading);
  const run = () => {
    reveal(place);
    if (!place.hasAttribute("tabindex")) place.tabIndex = -1;
    place.scrollIntoView({ block: "start" });
    place.focus({ preventScroll: true });
  };
  return { name: `Go to ${plainName(heading)}`, where: "", run };
}

/** @returns {Command[]} sections first, then fields, then what can be pressed */
export function pageCommands() {
  const all = (/** @type {string} */ selector) =>
    /** @type {HTMLElement[]} */ ([...document.querySelectorAll(selector)]).filter(isUsable);
  const headings = all(".section h2, .drawer > summary");
  const folds = new Set(headings.map((heading) => heading.closest("summary")));
  const controls = all(CONTROLS).filter((node) => !folds.has(node));
  return [
    ...headings.map(jump),
    ...all(FIELDS).map((node) => ({ name: plainName(node), where: whereOf(node), run: use(node, true) })),
    ...controls.map((node) => ({ name: (node.matches("a") ? "Go to " : "") + plainName(node), where: whereOf(node), run: use(node, false) })),
  ].filter(({ name }) => name !== "");
}
