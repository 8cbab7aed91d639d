// @ts-check
/** What the notifications section says, of a browser and of an outlet. Pure. */

/**
 * @typedef {{
 *   isSecure: boolean, hasWorker: boolean, permission: string | null, isMuted: boolean,
 *   hasPush: boolean, isPushed: boolean
 * }} Browser
 * @typedef {{
 *   word: string, says: string, canEnable: boolean, canMute: boolean, canPush: boolean
 * }} BrowserState
 */

/** @type {readonly (readonly [string, string])[]} */
export const CLASSES = [
  ["approval", "approvals"],
  ["question", "questions"],
  ["message", "messages"],
  ["fault", "faults"],
];

/** @type {Record<string, string>} */
export const OUTLETS = { browser: "Open pages", push: "Push", webhook: "Webhook", ntfy: "ntfy" };

const NOT_SAFE = "Browsers allow notifications on localhost and by HTTPS only: open the dashboard that way.";
const BLOCKED = "This browser blocks notifications of this site: allow them in its settings for the site, then load the page again.";

/** @param {Browser} browser @returns {BrowserState} */
export function browserState(browser) {
  const { isSecure, hasWorker, permission, isMuted, hasPush, isPushed } = browser;
  const none = { canEnable: false, canMute: false, canPush: false };
  if (!isSecure) return { word: "unsupported", says: NOT_SAFE, ...none };
  if (permission === null || !hasWorker) {
    return { word: "unsupported", says: "This browser has no notifications.", ...none };
  }
  if (permission === "denied") return { word: "blocked", says: BLOCKED, ...none };
  const canPush = hasPush && !isPushed;
  if (permission !== "granted") {
    const says = "It shows nothing yet: it asks you once when you enable it.";
    return { word: "off", says, canEnable: true, canMute: false, canPush };
  }
  const pushed = isPushed ? " It is pushed to as well, also when no page is open." : "";
  if (isMuted) return { word: "muted", says: `Its open pages show nothing.${pushed}`, ...none, canMute: true, canPush };
  const says = `It shows what happens while you look elsewhere.${pushed}`;
  return { word: "on", says, ...none, canMute: true, canPush };
}

/** @param {string} agent the browser's own description of itself @returns {string} its label */
export function browserName(agent) {
  const browsers = [["Edg/", "Edge"], ["Firefox/", "Firefox"], ["Chrome/", "Chrome"], ["Safari/", "Safari"]];
  const systems = [
    ["Android", "Android"], ["iPhone", "iPhone"], ["iPad", "iPad"], ["Windows", "Windows"],
    ["Mac OS", "macOS"], ["Linux", "Linux"],
  ];
  const name = browsers.find(([sign]) => agent.includes(sign))?.[1] ?? "Browser";
  const system = systems.find(([sign]) => agent.includes(sign))?.[1];
  return system ? `${name} on ${system}` : name;
}

/** @param {string} key base64url @returns {Uint8Array<ArrayBuffer>} */
export function bytesOf(key) {
  const text = atob(key.replaceAll("-", "+").replaceAll("_", "/"));
  return Uint8Array.from(text, (letter) => letter.charCodeAt(0));
}

/** @param {ArrayBuffer | null} bytes @returns {string} base64url without padding */
export function textOf(bytes) {
  const text = String.fromCharCode(...new Uint8Array(bytes ?? new ArrayBuffer(0)));
  return btoa(text).replaceAll("+", "-").replaceAll("/", "_").replace(/=+$/, "");
}

/** @param {{state: string, attempts: number}} delivery */
export function deliveryWords({ state, attempts }) {
  const tries = attempts === 1 ? "1 try" : `${attempts} tries`;
  if (state === "given_up") return `given up after ${tries}`;
  return attempts === 0 ? "waits" : `waits after ${tries}`;
}
