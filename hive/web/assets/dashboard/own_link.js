// @ts-check
/** The link of one thing, as it can be kept or handed on. */

import { el } from "../shared/dom.js";
import { linkTo } from "./address.js";

/** @param {string} kind @param {number} id */
export function ownLink(kind, id) {
  return el("a", { class: "own", href: linkTo(kind, id), "aria-label": `Link to ${kind} ${id}`, title: `a link to ${kind} ${id}` }, `#${id}`);
}
