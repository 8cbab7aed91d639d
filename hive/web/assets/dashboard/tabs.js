// @ts-check
/** The tabs of a narrow window: each a link, so that the address says which is shown. */

import { el, label, setAttr, setText } from "../shared/dom.js";
import { TABS } from "./address.js";
import { jobsOf, operatorQuestions, unreadCount } from "./state.js";

/** @typedef {import("../shared/wire.js").DashboardState} State */

/** @param {HTMLElement} place @param {() => number} needed how many things need the operator */
export function tabsView(place, needed) {
  /** @type {Record<string, (state: State) => number>} */
  const counts = {
    home: needed,
    decisions: (state) => state.approvals.length + operatorQuestions(state).length,
    talk: unreadCount,
    system: (state) => jobsOf(state.jobs).open.length,
  };
  const links = TABS.map(({ id, leet, plain }) => {
    const number = el("span", { class: "number", hidden: true });
    const link = el("a", { class: "tab", href: `#${id}`, "data-tab": id }, ...label(leet, plain), number);
    return { id, link, number };
  });
  place.append(...links.map((one) => one.link));
  return {
    /** @param {string} tab that is shown */
    told(tab) {
      for (const { id, link } of links) setAttr(link, "aria-current", id === tab ? "page" : null);
    },
    /** @param {State} state */
    update(state) {
      for (const { id, number } of links) {
        const count = counts[id]?.(state) ?? 0;
        setText(number, count ? String(count) : "");
        number.hidden = count === 0;
      }
    },
  };
}
