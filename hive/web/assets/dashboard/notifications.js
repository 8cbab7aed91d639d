// @ts-check
/** Where notifications go: this browser, the outlets and their classes, quiet hours, what failed. */

import { getJson, sentence } from "../shared/api.js";
import { el, keyed, label, setText } from "../shared/dom.js";
import { actionForm } from "../shared/form.js";
import { timeTag } from "../shared/time.js";
import { browserState, deliveryWords, OUTLETS } from "./notify_words.js";
import { outletRow, quietForm } from "./notify_forms.js";
import { foldedSection } from "./section.js";
import { enable, look, mute, pushHere } from "./this_browser.js";
import { NOTIFICATIONS, notifyResend, pushUnsubscribe } from "./urls.js";

/** @typedef {import("./notify_forms.js").Report} Report */

const AGAIN_MS = 150;

export function notificationsView() {
  const here = thisBrowser(() => void load());
  const outlets = el("ul", { class: "stack outlets" });
  const quiet = quietForm();
  const browsers = el("ul", { class: "tasks" });
  const deliveries = el("ul", { class: "tasks" });
  const waits = el("div", { class: "stack", hidden: true }, el("h3", {}, "Not delivered"), deliveries);
  const pushed = el("div", { class: "stack", hidden: true }, el("h3", {}, "Browsers that are pushed to"), browsers);
  const fault = el("p", { class: "form-error", role: "alert", hidden: true });
  const { root, count } = foldedSection(
    { id: "notifications", leet: "N0T1F1C4T10NS", plain: "Notifications" },
    fault, here.root, outlets, quiet.root, pushed, waits,
  );
  // Before anything is known there is nothing to press.
  const known = [here.root, outlets, quiet.root];
  for (const part of known) part.hidden = true;
  const show = (/** @type {Report} */ report) => {
    for (const part of known) part.hidden = false;
    const failed = report.deliveries.filter((one) => one.state === "given_up").length;
    count(here.update(report) + (failed ? ` · ${failed} not delivered` : ""));
    root.classList.toggle("alarm", failed > 0);
    const rows = report.outlets.map((row) => ({ ...row, switches: report.settings.outlets[row.name] }));
    keyed(outlets, rows, (row) => row.name, outletRow);
    quiet.update(report.settings.quiet);
    keyed(browsers, report.subscriptions, (one) => JSON.stringify(one), browserRow);
    keyed(deliveries, report.deliveries, (one) => JSON.stringify(one), deliveryRow);
    pushed.hidden = report.subscriptions.length === 0;
    waits.hidden = report.deliveries.length === 0;
  };
  const load = async () => {
    try {
      show(await getJson(NOTIFICATIONS));
      fault.hidden = true;
    } catch (error) {
      setText(fault, sentence(error));
      fault.hidden = false;
    }
  };
  root.addEventListener("toggle", () => root.open && void load());
  count(browserState(look([])).word);
  let timer = 0;
  const changed = () => {
    clearTimeout(timer);
    if (root.open) timer = window.setTimeout(() => void load(), AGAIN_MS);
  };
  return { root, changed };
}

/** @param {() => void} again called when something changed */
function thisBrowser(again) {
  const word = el("span", { class: "badge" });
  const says = el("p", { class: "muted wrap" });
  const fault = el("p", { class: "form-error", role: "alert", hidden: true });
  /** @param {string} leet @param {string} plain @param {() => unknown} run */
  const button = (leet, plain, run) => {
    const made = el("button", { type: "button", class: "calm" }, ...label(leet, plain));
    made.addEventListener("click", async () => {
      fault.hidden = true;
      made.setAttribute("aria-busy", "true");
      try {
        await run();
      } catch (error) {
        setText(fault, sentence(error));
        fault.hidden = false;
      }
      made.removeAttribute("aria-busy");
      again();
    });
    return made;
  };
  const on = button("🔔 3N4BL3", "Enable notifications in this browser", enable);
  const muted = button("🔕 MUT3", "Mute this browser", () => mute(true));
  const loud = button("🔔 UNMUT3", "Unmute this browser", () => mute(false));
  const push = button("⇪ PUSH H3R3", "Push to this browser", pushHere);
  const root = el(
    "div",
    { class: "panel card this-browser" },
    el("div", { class: "row" }, el("h3", {}, "This browser"), word, el("span", { class: "row push" }, on, muted, loud, push)),
    says,
    fault,
  );
  /** @param {Report} report */
  const update = (report) => {
    const browser = look(report.subscriptions);
    const state = browserState(browser);
    setText(word, state.word);
    word.className = `badge ${{ on: "go", blocked: "danger", unsupported: "warm" }[state.word] ?? ""}`;
    setText(says, state.says);
    on.hidden = !state.canEnable;
    muted.hidden = !state.canMute || browser.isMuted;
    loud.hidden = !state.canMute || !browser.isMuted;
    push.hidden = !state.canPush;
    return state.word;
  };
  return { root, update };
}

/** @param {Report["subscriptions"][number]} one */
function browserRow(one) {
  const remove = actionForm(
    {
      url: pushUnsubscribe(one.id),
      leet: "",
      plain: "Remove",
      tone: "quiet danger",
      danger: true,
      title: `Push to ${one.label} no more?`,
      confirm: "It can be enabled again in that browser.",
      button: "Remove the browser",
    },
    label("✗ R3M0V3", `Remove ${one.label}`),
  );
  const root = el(
    "li",
    { class: "row" },
    el("strong", {}, one.label),
    el("span", { class: "muted" }, one.service),
    timeTag(one.made_at, "ago"),
    remove.form,
    one.answer && el("span", { class: "muted wrap" }, one.answer),
  );
  return { root, update: () => undefined };
}

/** @param {Report["deliveries"][number]} one */
function deliveryRow(one) {
  const isOver = one.state === "given_up";
  const again = actionForm(
    { url: notifyResend(one.id), leet: "", plain: "Send again", tone: "warm", done: "It is sent again." },
    label("↻ R3S3ND", `Send “${one.title}” again`),
  );
  const root = el(
    "li",
    { class: "row" },
    el("span", { class: `badge ${isOver ? "danger" : "warm"}` }, OUTLETS[one.outlet.split(":")[0]] ?? one.outlet),
    el("span", { class: "wrap" }, one.title),
    el("span", { class: "muted" }, deliveryWords(one)),
    timeTag(one.made_at, "ago"),
    isOver && again.form,
    one.answer && el("span", { class: "muted wrap" }, one.answer),
  );
  return { root, update: () => undefined };
}

