// @ts-check
/** The icon of the tab says what its title says: a dot while a number of what waits stands in front. */

import { must, setAttr } from "./dom.js";

const QUIET = "/static/shared/icon.svg";
const WAITING = "/static/shared/icon_waiting.svg";

function show() {
  const wanted = /^\([0-9]+\)/.test(document.title) ? WAITING : QUIET;
  const link = must("link[rel='icon']");
  if (link.getAttribute("href") !== wanted) setAttr(link, "href", wanted);
}

new MutationObserver(show).observe(must("title"), { childList: true });
show();
