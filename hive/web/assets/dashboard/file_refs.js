// @ts-check
/**
 * Files that messages speak of, as links. Which ones may be read the daemon alone says: it finds
 * the paths in a message or question and looks at each; the page asks for those that look as if.
 */

import { getJson } from "../shared/api.js";
import { el } from "../shared/dom.js";
import { showFile } from "./file_panel.js";
import { fileRefs } from "./urls.js";

/** @typedef {{text: string, path: string}} Ref the path as it was written, and as the daemon opens it */

const LIKELY = /\/(?:state|shared)\//;
const BATCH = 50;
const WAIT_MS = 120;

/** @typedef {"refs" | "question_refs" | "answer_refs"} Kind of a message, a question, the answer to one */
/** @typedef {{id: number, kind: Kind, bodies: HTMLElement[]}} Wanted */

/** @type {Map<string, Wanted>} what is to be asked for, with the bodies that show it */
const waiting = new Map();
let timer = 0;

/** @param {number} id @param {string} text @param {HTMLElement} body what shows it @param {Kind} [kind] */
export function linkFilesOf(id, text, body, kind = "refs") {
  if (!LIKELY.test(text)) return;
  const key = `${kind} ${id}`;
  const known = waiting.get(key) ?? { id, kind, bodies: [] };
  known.bodies.push(body);
  waiting.set(key, known);
  timer ||= window.setTimeout(() => void ask(), WAIT_MS);
}

async function ask() {
  timer = 0;
  const batch = [...waiting].slice(-BATCH);
  for (const [key] of batch) waiting.delete(key);
  if (waiting.size > 0) timer = window.setTimeout(() => void ask(), WAIT_MS);
  const wanted = batch.map(([, one]) => one);
  const messages = wanted.filter((one) => one.kind === "refs").map((one) => one.id);
  const questions = [...new Set(wanted.filter((one) => one.kind !== "refs").map((one) => one.id))];
  let found;
  try {
    found = await getJson(fileRefs(messages, questions));
  } catch {
    return; // the texts stay as they are; whether the hive can be reached is said in the bar
  }
  for (const { id, kind, bodies } of wanted) {
    for (const body of bodies) linkFiles(body, found[kind][String(id)] ?? []);
  }
}

/** @param {HTMLElement} body @param {readonly Ref[]} refs the longest first */
export function linkFiles(body, refs) {
  if (refs.length === 0) return;
  const walker = document.createTreeWalker(body, NodeFilter.SHOW_TEXT);
  const texts = [];
  while (walker.nextNode()) texts.push(/** @type {Text} */ (walker.currentNode));
  for (const text of texts) {
    if (!text.parentElement?.closest("a, button")) replaceIn(text, refs);
  }
}

/** @param {Text} node @param {readonly Ref[]} refs */
function replaceIn(node, refs) {
  const parts = splitAt(node.data, refs);
  if (parts.length === 1 && typeof parts[0] === "string") return;
  node.replaceWith(...parts.map((part) => (typeof part === "string" ? part : linkTo(part))));
}

/**
 * @param {string} text @param {readonly Ref[]} refs the longest first
 * @returns {(string | Ref)[]} the text with its references apart; pure
 */
export function splitAt(text, refs) {
  /** @type {(string | Ref)[]} */
  const parts = [];
  let start = 0;
  let at = 0;
  while (at < text.length) {
    const found = text[at] === "/" && refs.find((ref) => text.startsWith(ref.text, at));
    if (!found) {
      at += 1;
      continue;
    }
    if (at > start) parts.push(text.slice(start, at));
    parts.push(found);
    at += found.text.length;
    start = at;
  }
  if (start < text.length || parts.length === 0) parts.push(text.slice(start));
  return parts;
}

/** @param {Ref} ref */
function linkTo(ref) {
  const button = el("button", { type: "button", class: "link file", title: `Show ${ref.path}` }, ref.text);
  button.addEventListener("click", () => void showFile(ref.path));
  return button;
}
