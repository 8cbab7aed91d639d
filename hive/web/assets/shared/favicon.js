// @ts-check
/** The icon of the tab: with a dot while something waits for the operator. */

import { setAttr } from "./dom.js";

const QUIET = "/static/shared/icon.svg";
const WAITING = "/static/shared/icon_waiting.svg";

/** @param {boolean} isWaiting */
export function showIcon(isWaiting) {
  const link = document.querySelector("link[rel='icon']");
  const wanted = isWaiting ? WAITING : QUIET;
  if (link && link.getAttribute("href") !== wanted) setAttr(link, "href", wanted);
}
