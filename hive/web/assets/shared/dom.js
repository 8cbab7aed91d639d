// @ts-check
/** Elements made from text: nothing in here ever parses HTML. */

import { drawn } from "./signs.js";

/** @typedef {Node | string | number | null | undefined | false} Child */

/**
 * @template {keyof HTMLElementTagNameMap} K
 * @param {K} tag
 * @param {Record<string, any>} [props] attributes; `class`; `on` = listeners by event;
 *   false, null and undefined leave an attribute out, true sets it empty
 * @param {...(Child | Child[])} children strings become text nodes
 * @returns {HTMLElementTagNameMap[K]}
 */
export function el(tag, props = {}, ...children) {
  const node = document.createElement(tag);
  for (const [name, value] of Object.entries(props)) {
    if (name === "on") {
      for (const [event, listener] of Object.entries(value)) node.addEventListener(event, listener);
    } else if (value === true) {
      node.setAttribute(name, "");
    } else if (value !== false && value !== null && value !== undefined) {
      node.setAttribute(name, String(value));
    }
  }
  node.append(...nodes(children));
  return node;
}

/** @param {(Child | Child[])[]} children @returns {(Node | string)[]} */
function nodes(children) {
  /** @type {(Node | string)[]} */
  const found = [];
  for (const child of children.flat()) {
    if (child === null || child === undefined || child === false) continue;
    found.push(typeof child === "number" ? String(child) : child);
  }
  return found;
}

/**
 * The leet skin for the eye and plain words for assistive technology.
 * @param {string} leet @param {string} plain
 * @param {string} [of] whose it is: a part of the plain words that the eye has beside them already
 */
export function label(leet, plain, of = "") {
  return [
    el("span", { class: "leet", "aria-hidden": "true" }, ...drawn(leet)),
    el("span", { class: "plain" }, plain, of && el("span", { class: "sr-only" }, of.startsWith(":") ? of : ` ${of}`)),
  ];
}

/** @param {Element} node @param {string} text set only when it differs, so that nothing reflows */
export function setText(node, text) {
  if (node.textContent !== text) node.textContent = text;
}

/** @param {Element} node @param {string} name @param {string | null | false} value */
export function setAttr(node, name, value) {
  if (value === null || value === false) node.removeAttribute(name);
  else if (node.getAttribute(name) !== value) node.setAttribute(name, value);
}

/**
 * @typedef {{root: HTMLElement, update: (item: any) => void}} Row
 */
/** @type {WeakMap<Element, Map<string, Row>>} */
const lists = new WeakMap();

/**
 * Make the children of `parent` follow `items`; a row is made once and then only updated, so that
 * focus, open details and half-typed text survive every change.
 * @template T
 * @param {Element} parent @param {readonly T[]} items
 * @param {(item: T) => string} key @param {(item: T) => Row} create
 */
export function keyed(parent, items, key, create) {
  const known = lists.get(parent) ?? new Map();
  lists.set(parent, known);
  const wanted = new Set(items.map(key));
  for (const [name, row] of known) {
    if (wanted.has(name)) continue;
    const hadFocus = row.root.contains(document.activeElement);
    row.root.remove();
    known.delete(name);
    if (hadFocus) keepPlace(parent);
  }
  /** @type {Element | null} */
  let at = parent.firstElementChild;
  for (const item of items) {
    const name = key(item);
    const row = known.get(name) ?? create(item);
    known.set(name, row);
    const focused = row.root.contains(document.activeElement) ? document.activeElement : null;
    row.update(item);
    // A node that is moved loses caret and composition: what is typed in stays, the others move.
    while (focused && row.root.parentElement === parent && at !== null && row.root !== at) {
      const next = at.nextElementSibling;
      parent.append(at);
      at = next;
    }
    if (at !== null && row.root === at) at = at.nextElementSibling;
    else parent.insertBefore(row.root, at);
    if (focused instanceof HTMLElement) keepFocus(row.root, focused, parent);
  }
}

/**
 * A row that was moved loses the focus, and so does a button that an update hides or replaces: it
 * goes back there, or to what else the row offers.
 * @param {HTMLElement} root @param {HTMLElement} focused @param {Element} parent
 */
function keepFocus(root, focused, parent) {
  const isThere = root.contains(focused) && focused.checkVisibility();
  if (isThere && document.activeElement === focused) return;
  const all = /** @type {HTMLElement[]} */ ([...root.querySelectorAll("button, a[href], summary")]);
  const at = all.indexOf(focused);
  const near = [...all.slice(at + 1), ...all.slice(0, Math.max(at, 0)).reverse()];
  const next = isThere ? focused : near.find((node) => node.checkVisibility());
  if (next) next.focus({ preventScroll: true });
  else keepPlace(parent);
}

/**
 * A row that had the focus is gone, as an approval that was decided: the next Tab goes on from its
 * section instead of from the top of the page.
 * @param {Element} parent
 */
export function keepPlace(parent) {
  const place = parent.closest("section, details, main");
  if (!(place instanceof HTMLElement)) return;
  if (!place.hasAttribute("tabindex")) place.tabIndex = -1;
  place.focus({ preventScroll: true });
}

/**
 * @param {string} selector
 * @returns {HTMLElement} an element the page's own HTML must have
 */
export function must(selector) {
  const found = document.querySelector(selector);
  if (!(found instanceof HTMLElement)) throw new Error(`the page has no ${selector}`);
  return found;
}

const URL_PATTERN = /\bhttps?:\/\/[^\s<>"'`]+[^\s<>"'`.,;:!?)\]}]/g;

/**
 * Text with its web addresses as links, built of text nodes.
 * @param {string} text @returns {(Node | string)[]}
 */
export function linkified(text) {
  /** @type {(Node | string)[]} */
  const parts = [];
  let end = 0;
  for (const match of text.matchAll(URL_PATTERN)) {
    parts.push(text.slice(end, match.index));
    parts.push(el("a", { href: match[0], target: "_blank", rel: "noopener noreferrer" }, match[0]));
    end = match.index + match[0].length;
  }
  parts.push(text.slice(end));
  return parts;
}

/** @param {string} name @returns {string | null} */
export function remembered(name) {
  try {
    return localStorage.getItem(`hive-${name}`);
  } catch {
    return null; // storage is forbidden in this browser: nothing is remembered
  }
}

/** @param {string} name @param {string | null} value */
export function remember(name, value) {
  try {
    if (value === null) localStorage.removeItem(`hive-${name}`);
    else localStorage.setItem(`hive-${name}`, value);
  } catch {
    return; // as above
  }
}
