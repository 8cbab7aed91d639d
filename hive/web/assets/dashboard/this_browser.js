// @ts-check
/** This browser's side of notifications: its permission, its worker, its subscription. */

import { post } from "../shared/api.js";
import { remember, remembered } from "../shared/dom.js";
import { browserName, bytesOf, textOf } from "./notify_words.js";
import { PUSH_KEY, PUSH_SUBSCRIBE } from "./urls.js";

const MUTED = "notifications-muted";
const PUSHED = "push-id";

const permission = () => ("Notification" in window ? Notification.permission : null);

/** @param {readonly {id: number}[]} subscriptions those the hive has @returns what `browserState` takes */
export function look(subscriptions) {
  return {
    isSecure: window.isSecureContext,
    hasWorker: "serviceWorker" in navigator,
    permission: permission(),
    isMuted: remembered(MUTED) !== null,
    hasPush: "PushManager" in window,
    isPushed: subscriptions.some(({ id }) => String(id) === remembered(PUSHED)),
  };
}

/** @param {boolean} isMuted */
export const mute = (isMuted) => remember(MUTED, isMuted ? "yes" : null);

/** Only ever called by a click. @returns {Promise<boolean>} whether it may show notifications */
export async function enable() {
  if ((await Notification.requestPermission()) !== "granted") return false;
  mute(false);
  return true;
}

/** What a frame tells of is shown by the worker, as a push is. @param {object} notification */
export async function tellWorker(notification) {
  if (permission() !== "granted" || remembered(MUTED) !== null) return;
  const registration = await navigator.serviceWorker.ready;
  registration.active?.postMessage({ kind: "notify", notification });
}

/** @param {(hash: string) => void} then what a click on a notification leads to */
export function onGo(then) {
  navigator.serviceWorker?.addEventListener("message", (event) => {
    if (event.data?.kind === "go") then(String(event.data.hash));
  });
}

/** Let the hive push to this browser; raises when browser or hive refuse. */
export async function pushHere() {
  if (!(await enable())) return;
  const { pushManager } = await navigator.serviceWorker.ready;
  const { key } = await post(PUSH_KEY);
  // One that was made with another key would be refused.
  await (await pushManager.getSubscription())?.unsubscribe();
  const made = await pushManager.subscribe({ userVisibleOnly: true, applicationServerKey: bytesOf(key) });
  const { id } = await post(PUSH_SUBSCRIBE, {
    endpoint: made.endpoint,
    p256dh: textOf(made.getKey("p256dh")),
    auth: textOf(made.getKey("auth")),
    label: browserName(navigator.userAgent),
  });
  remember(PUSHED, String(id));
}
