// @ts-check
/** The badges of a container's row: which ones, and how they look. Pure but for `draw`. */

import { el } from "../shared/dom.js";
import { limitsMet } from "../shared/limits.js";
import { drawn } from "../shared/signs.js";
import { duration, ticking } from "../shared/time.js";

/** @typedef {import("../shared/wire.js").ContainerRow} ContainerRow */
/**
 * @typedef {{
 *   key: string, glyph: string, text: string, tone: string, motion?: string, since?: number | null,
 *   title?: string
 * }} Badge
 */

/** @param {ContainerRow} row @returns {Badge[]} the alarming ones first */
export function badgesOf(row) {
  if (row.transient) {
    const since = row.transient_since;
    return [{ key: "transient", glyph: "◐", text: `${row.transient}…`, tone: "warm", motion: "transient", since }];
  }
  /** @type {(Badge | false | undefined)[]} */
  const all = [
    row.why !== null && row.why !== undefined && whyBadge(row.why),
    row.network === "host" && {
      ...badge("network", "⇄", "host network", "danger"),
      title: "It reaches whatever this host reaches, its loopback included, and nothing of it is counted.",
    },
    row.denied > 0 && {
      ...badge("denied", "⊘", `${row.denied} host${row.denied === 1 ? "" : "s"} refused`, "warm"),
      title: "It wanted to connect where it may not; its page says where.",
    },
    row.paused && row.why?.code !== "paused" && badge("paused", "‖", "paused", "warm"),
    row.limits_met.length > 0 && limitsBadge(row.limits_met),
    row.unread > 0 && badge("unread", "✉", `${row.unread} waiting`, "mauve"),
    row.pending_reminders > 0 &&
      badge("reminders", "◷", `${row.pending_reminders} reminder${row.pending_reminders === 1 ? "" : "s"}`, "calm"),
  ];
  return all.filter((one) => one !== false && one !== undefined);
}

/** @param {string} key @param {string} glyph @param {string} text @param {string} tone @returns {Badge} */
function badge(key, glyph, text, tone) {
  return { key, glyph, text, tone };
}

/** @param {string[]} keys @returns {Badge} */
function limitsBadge(keys) {
  const { text, title } = limitsMet(keys);
  return { ...badge("limits", "▲", text, "danger"), title };
}

/** @type {Record<string, [string, string, string?]>} glyph, tone and motion of what is no mere level */
const LOOKS = {
  working: ["◆", "warm", "pulse"],
  waiting: ["●", "go"],
  behind_messages: ["●", "go"],
  chatting: ["◆", "calm"],
  stopped: ["○", ""],
  destroyed: ["○", ""],
  paused: ["‖", "warm"],
  rate_limited: ["⊘", "danger"],
  overloaded: ["⊘", "warm"],
  retrying: ["↻", "warm", "pulse"],
  needs_login: ["!", "warm"],
  logging_in: ["!", "warm"],
  behind_jobs: ["◷", "calm"],
  building: ["◐", "warm", "transient"],
};
/** @type {Record<string, [string, string, string?]>} */
const LEVELS = { info: ["◌", ""], notice: ["·", ""], warning: ["●", "warm"], error: ["✗", "danger"] };

/** @param {import("../shared/wire.js").Reason} why @returns {Badge} worded by the daemon */
export function whyBadge(why) {
  const [glyph, tone, motion] = LOOKS[why.code] ?? LEVELS[why.level] ?? LEVELS.info;
  const isCompacting = why.word === "compacting";
  const title = why.mend ? `${why.sentence} — ${why.mend}` : why.sentence;
  return { ...badge("why", glyph, why.word, isCompacting ? "mauve" : tone), motion, title };
}

/** @param {Badge} about @returns {HTMLElement} */
export function draw(about) {
  const age = about.since ? el("span", { class: "age" }) : null;
  if (age && about.since) {
    const since = about.since;
    ticking(age, (now) => duration(now - since));
  }
  return el(
    "span",
    { class: `badge ${about.tone} ${about.motion ?? ""}`, title: about.title },
    el("span", { class: "glyph", "aria-hidden": "true" }, ...drawn(about.glyph)),
    el("span", {}, about.text),
    age,
  );
}
