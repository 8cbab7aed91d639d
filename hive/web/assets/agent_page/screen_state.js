// @ts-check
/** How a view of a screen begins, breaks off and begins again, and how that is said. Pure. */

/**
 * connecting; asking: for the VNC server's password; connected; waiting: tries again by itself; ended: only when asked to; absent: there
 * is no screen; logged_out.
 * @typedef {"connecting" | "asking" | "connected" | "waiting" | "ended" | "absent" | "logged_out"} Phase
 * @typedef {{phase: Phase, control: boolean, tries: number, detail: string}} View
 */

const FIRST_RETRY_MS = 1000;
const LAST_RETRY_MS = 15000;
const GOING_AWAY = 1001;
const NOT_TOLD = 1006;
const POLICY = 1008;
const FAILED = 1011;
const MISSING = "not_found";
/** Too many look at it; the next one may have gone in a moment. */
const CROWDED = "conflict";
const LOST_CONTROL = "You no longer have control.";

/** @returns {View} before the first attempt */
export function nothing() {
  return { phase: "connecting", control: false, tries: 0, detail: "" };
}

/** A ticket is asked for. @param {View} view @param {boolean} control @returns {View} */
export function asked(view, control) {
  return { ...view, phase: "connecting", control };
}

/** The screen's server wants to know who comes. @param {View} view @returns {View} */
export function challenged(view) {
  return { ...view, phase: "asking", detail: "Its VNC server asks for a password. It is kept until this page is left." };
}

/** The screen's server has said what it is. @param {View} view @returns {View} */
export function joined(view) {
  return { ...view, phase: "connected", tries: 0, detail: "" };
}

/**
 * The websocket was closed. Control is not taken back without being asked for: meanwhile something
 * else may be where one was about to type.
 * @param {View} view @param {number} code @param {string} reason @returns {View}
 */
export function closed(view, code, reason) {
  const said = reason.trim() || unsaid(code);
  const lost = view.control && view.phase === "connected" ? LOST_CONTROL : "";
  return {
    phase: code === POLICY ? "ended" : "waiting",
    control: false,
    tries: view.tries + 1,
    detail: [asSentence(said), lost].filter(Boolean).join(" "),
  };
}

/** The screen's server cannot be spoken with; trying again does not help. @param {View} view @param {string} why @returns {View} */
export function failed(view, why) {
  return { ...view, phase: "ended", control: false, detail: asSentence(why) };
}

/**
 * No ticket was given.
 * @param {View} view @param {{status: number, code: string, message: string}} error @returns {View}
 */
export function refused(view, error) {
  const told = { ...view, control: false, detail: asSentence(error.message) };
  if (error.status === 401) return { ...told, phase: "logged_out" };
  if (error.code === MISSING) return { ...told, phase: "absent" };
  const mayPass = error.status === 0 || error.code === CROWDED || error.status >= 500;
  return { ...told, phase: mayPass ? "waiting" : "ended", tries: view.tries + 1 };
}

/** @param {View} view @returns {number} how long to wait before the next attempt */
export function retryMs(view) {
  return Math.min(FIRST_RETRY_MS * 2 ** Math.max(0, view.tries - 1), LAST_RETRY_MS);
}

/** @param {View} view @returns {{sign: string, word: string, tone: string}} what the badge shows */
export function badge(view) {
  switch (view.phase) {
    case "connecting":
      return { sign: "◌", word: "connecting", tone: "warm pulse" };
    case "asking":
      return { sign: "◌", word: "locked", tone: "warm" };
    case "connected":
      return view.control ? { sign: "◆", word: "in control", tone: "warm" } : { sign: "●", word: "view only", tone: "go" };
    case "waiting":
      return { sign: "◍", word: "reconnecting", tone: "danger pulse" };
    case "ended":
      return { sign: "✗", word: "ended", tone: "danger" };
    case "absent":
      return { sign: "○", word: "no screen", tone: "" };
    case "logged_out":
      return { sign: "⊘", word: "logged out", tone: "danger" };
  }
}

/** @param {View} view @returns {string} why nothing is seen; "" while it is */
export function detail(view) {
  if (view.phase !== "waiting") return view.phase === "connected" ? "" : view.detail;
  return `${view.detail} Trying again in ${Math.round(retryMs(view) / 1000)} s.`.trim();
}

/** @param {number} code @returns {string} */
function unsaid(code) {
  if (code === GOING_AWAY) return "The hive goes away";
  if (code === FAILED) return "The screen cannot be reached";
  return code === NOT_TOLD ? "The connection broke off" : "The screen was closed";
}

/** @param {string} text @returns {string} ended, so that another sentence can follow */
function asSentence(text) {
  const whole = text.trim();
  return whole === "" || /[.!?…]$/.test(whole) ? whole : `${whole}.`;
}
