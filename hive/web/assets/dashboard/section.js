// @ts-check
/** The frame every view of the dashboard stands in: heading, count, divider; its heading is its link. */

import { el, label, setText } from "../shared/dom.js";

/**
 * @param {{id: string, leet: string, plain: string}} about
 * @param {...Node} content
 */
export function section(about, ...content) {
  const count = el("span", { class: "aside", "aria-live": "polite" });
  const header = el(
    "header",
    {},
    el("h2", { id: `${about.id}-title` }, el("a", { href: `#${about.id}` }, ...label(`◆ ${about.leet} ◆`, about.plain))),
    count,
  );
  const root = el(
    "section",
    { class: "section", id: about.id, "aria-labelledby": `${about.id}-title` },
    header,
    el("div", { class: "divider", "aria-hidden": "true" }),
    ...content,
  );
  return { root, header, count: (/** @type {string} */ text) => setText(count, text) };
}

/**
 * A section that is folded away until it is wanted.
 * @param {{id: string, leet: string, plain: string}} about
 * @param {...Node} content
 */
export function foldedSection(about, ...content) {
  const count = el("span", { class: "aside" });
  const root = el(
    "details",
    { class: "section folded", id: about.id },
    el("summary", {}, el("h2", {}, ...label(`◆ ${about.leet} ◆`, about.plain)), count),
    el("div", { class: "stack" }, ...content),
  );
  // Inside of a summary no link can be pressed: the address says what was opened instead.
  root.firstElementChild?.addEventListener("click", (event) => {
    if (event.isTrusted && !root.open) history.replaceState(null, "", `${location.pathname}${location.search}#${about.id}`);
  });
  return { root, count: (/** @type {string} */ text) => setText(count, text) };
}
