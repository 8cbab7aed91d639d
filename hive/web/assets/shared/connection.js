// @ts-check
/** The badge that says whether what is shown is current, and why when it is not. */

import { el, setText } from "./dom.js";

/** @type {Record<import("./live.js").Status, [string, string, string]>} */
const LOOK = {
  connecting: ["◌", "connecting", "warm"],
  live: ["●", "live", "go"],
  retrying: ["◍", "reconnecting", "danger"],
  logged_out: ["⊘", "logged out", "danger"],
};

/** @returns {{root: HTMLElement, set: (status: import("./live.js").Status, detail: string) => void}} */
export function connectionBadge() {
  const glyph = el("span", { class: "glyph", "aria-hidden": "true" });
  const text = el("span");
  const root = el("span", { class: "badge", role: "status", id: "connection" }, glyph, text);
  const strip = document.getElementById("connection-detail");
  /** @param {import("./live.js").Status} status @param {string} detail */
  const set = (status, detail) => {
    const [sign, words, tone] = LOOK[status];
    root.className = `badge ${tone}${status === "live" ? "" : " pulse"}`;
    root.dataset.status = status;
    setText(glyph, sign);
    setText(text, words);
    if (!strip) return;
    // A blink of the network is not worth a strip that moves the page; a reason is.
    strip.hidden = detail === "" || status === "live";
    setText(strip, detail);
  };
  set("connecting", "");
  return { root, set };
}
