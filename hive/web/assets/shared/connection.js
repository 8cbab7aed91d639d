// @ts-check
/** The badge that says whether what is shown is current, and why when it is not. */

import { el, setText } from "./dom.js";

/** @typedef {import("./live.js").Status | "coming_up" | "stopped" | "gone"} Shown */
/** @type {Record<Shown, [string, string, string]>} */
const LOOK = {
  connecting: ["◌", "connecting", "warm"],
  live: ["●", "live", "go"],
  retrying: ["◍", "reconnecting", "danger"],
  logged_out: ["⊘", "logged out", "danger"],
  coming_up: ["◌", "coming up", "warm"],
  stopped: ["○", "stopped", "warm"],
  gone: ["✗", "gone", "danger"],
};

/** What does not change by itself. */
const STILL = new Set(["live", "stopped", "gone"]);

/** @returns {{root: HTMLElement, set: (status: Shown, detail: string) => void}} */
export function connectionBadge() {
  const glyph = el("span", { class: "glyph", "aria-hidden": "true" });
  const text = el("span");
  const root = el("span", { class: "badge", role: "status", id: "connection" }, glyph, text);
  const strip = document.getElementById("connection-detail");
  /** @param {Shown} status @param {string} detail */
  const set = (status, detail) => {
    const [sign, words, tone] = LOOK[status];
    root.className = `badge ${tone}${STILL.has(status) ? "" : " pulse"}`;
    root.dataset.status = status;
    setText(glyph, sign);
    setText(text, words);
    if (!strip) return;
    // A blink of the network is not worth a strip that moves the page; a reason is.
    // Each new attempt begins without one, and says nothing new.
    if (status === "retrying" && detail === "") return;
    strip.hidden = detail === "" || status === "live";
    setText(strip, detail);
  };
  set("connecting", "");
  return { root, set };
}
