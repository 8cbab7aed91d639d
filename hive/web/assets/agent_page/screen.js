// @ts-check
/** The screen of one agent: seen by whoever opens it, and worked with by who takes control. */

import { ApiError, post, sentence } from "../shared/api.js";
import { installCommands } from "../shared/commands.js";
import { el, label, must, remember, remembered, setAttr, setText } from "../shared/dom.js";
import { revealed } from "../shared/odd.js";
import { appearance } from "../shared/theme.js";
import { ScreenClient, loadClient } from "./screen_client.js";
import { handPanel, keysMenu, passwordForm } from "./screen_hands.js";
import { isWayOut } from "./screen_keys.js";
import { asked, badge, challenged, closed, detail, failed, joined, nothing, refused, retryMs } from "./screen_state.js";
import { SCREEN_TICKET, agentName, screenSocket } from "./urls.js";

const SIZE = "screen-size";
const HIDDEN_MS = 60000;
const NAME_MOST = 120;
const WAY_OUT = "Ctrl+Alt+Home";
/**
 * Weston always asks for the name of its user and a password. In a container of hive's the first is
 * root, and any password is right: tried once, before a person is asked.
 */
const WESTON = { username: "root", password: "" };

const name = agentName();
let view = nothing();
/** @type {ScreenClient | null} */
let client = null;
let timer = 0;
let asking = 0;
/** Of its VNC server; only this page knows them, and only while it is open. @type {import("./screen_client.js").Credentials} */
let credentials = {};
let hasGuessed = false;
let toFit = remembered(SIZE) !== "real";

const glyph = el("span", { class: "glyph", "aria-hidden": "true" });
const word = el("span");
const state = el("span", { class: "badge", role: "status", id: "screen-state" }, glyph, word);
const desktop = el("span", { class: "muted desktop" });
must("#head").append(
  el(
    "div",
    { class: "row" },
    el("a", { class: "button quiet calm back", href: "./" }, ...label(`← ${name}`, `Back to the page of ${name}`)),
    el("h1", {}, `${name} `, el("span", { class: "muted" }, "screen")),
    state,
    desktop,
    el("span", { class: "row push", id: "own-tools" }, appearance()),
  ),
);
// A screen that is held takes every key, Ctrl+K too. No single key leaves: one that was meant for
// the screen would.
installCommands(must("#own-tools"), []);

const take = el("button", { type: "button", class: "warm", id: "take" }, ...label("◆ T4K3 C0NTR0L", "Take control"));
const give = el("button", { type: "button", class: "warm primary", id: "give" }, ...label("◇ G1V3 1T B4CK", "Give it back"));
const again = el("button", { type: "button", class: "go", id: "again" }, ...label("↻ C0NN3CT", "Connect now"));
const size = el("button", { type: "button", class: "quiet", id: "size" });
const full = el("button", { type: "button", class: "quiet", id: "full" }, ...label("▣ FULL", "Full screen"));
const keys = keysMenu((strokes) => client?.press(strokes));
const hands = handPanel({
  copy: (text) => client?.copy(text),
  press: (strokes) => client?.press(strokes),
});
const banner = el(
  "div",
  { class: "strip warning control", id: "control", hidden: true },
  el("span", { class: "wrap" }, `You are in control: keys and pointer go to the screen of ${name}, and it sees them. `, el("kbd", {}, WAY_OUT), " leaves it by keyboard."),
  give,
);
const why = el("p", { class: "wrap", id: "why", role: "status" });
const how = el(
  "div",
  { class: "stack how", id: "how", hidden: true },
  el("p", { class: "wrap" }, "Its container has to run a VNC server, and agent.toml to say at which port of 127.0.0.1 inside:"),
  el("pre", {}, "[screen]\nport = 5901"),
);
const password = passwordForm((given) => {
  credentials = given;
  turnTo(asked({ ...view, detail: "" }, view.control));
  client?.answer(given);
});
const cover = el("div", { class: "cover stack" }, why, how, password.root, el("div", { class: "row" }, again));
const stage = el("div", { class: "stage", id: "stage" });
const tools = el("div", { class: "row tools", role: "group", "aria-label": "Screen" }, take, size, full, keys, hands.root);
must("#main").append(banner, tools, el("div", { class: "frame" }, stage, cover));

function show() {
  const { sign, word: said, tone } = badge(view);
  setAttr(state, "class", `badge ${tone}`);
  state.dataset.phase = view.phase;
  setText(glyph, sign);
  setText(word, said);
  document.title = `${view.phase === "connected" && view.control ? "◆ " : ""}${name} · screen`;
  const isSeen = view.phase === "connected";
  banner.hidden = !(isSeen && view.control);
  tools.hidden = view.phase === "absent" || view.phase === "logged_out";
  take.hidden = view.control;
  setAttr(take, "aria-disabled", isSeen ? null : "true");
  keys.hidden = hands.root.hidden = banner.hidden;
  cover.hidden = isSeen;
  stage.classList.toggle("held", isSeen && view.control);
  password.root.hidden = view.phase !== "asking";
  how.hidden = view.phase !== "absent";
  again.hidden = view.phase === "connecting" || view.phase === "asking" || view.phase === "logged_out";
  setText(why, view.phase === "connecting" && !view.detail ? "Connecting to the screen." : "");
  if (!why.textContent) why.replaceChildren(...revealed(detail(view)));
  if (!isSeen) setText(desktop, "");
}

function showSize() {
  size.replaceChildren(...(toFit ? label("⤢ R34L S1Z3", "Show it in real size") : label("⤡ F1T", "Scale it to fit")));
  client?.scale(toFit, matchMedia("(pointer: coarse)").matches);
}

/** @param {import("./screen_state.js").View} next */
function turnTo(next) {
  const wasHere = must("#main").contains(document.activeElement);
  view = next;
  show();
  clearTimeout(timer);
  if (view.phase === "waiting") timer = window.setTimeout(() => void connect(false), retryMs(view));
  // What had the focus is about to go, or has gone out of sight: the next Tab goes on from here.
  const isLost = view.phase !== "connected" && stage.contains(document.activeElement);
  if (isLost || (wasHere && !visible(document.activeElement))) must("#main").focus({ preventScroll: true });
}

/** @param {Element | null} node */
const visible = (node) => node instanceof HTMLElement && node !== document.body && node.checkVisibility();

/** @param {boolean} control */
async function connect(control) {
  asking += 1;
  const mine = asking;
  clearTimeout(timer);
  turnTo(asked(view, control));
  client?.close();
  client = null;
  try {
    const { ticket } = await post(SCREEN_TICKET, { view_only: control ? "false" : "true" });
    if (mine === asking) open(String(ticket), control);
  } catch (error) {
    if (mine !== asking) return; // another attempt was made meanwhile
    turnTo(error instanceof ApiError ? refused(view, error) : failed(view, sentence(error)));
  }
}

/** @param {string} ticket @param {boolean} control */
function open(ticket, control) {
  let isWrong = false;
  const mine = new ScreenClient(stage, screenSocket(ticket), control, credentials, {
    joined: () => {
      turnTo(joined(view));
      showSize();
      describe(mine, control);
    },
    closed: (code, reason) => turnTo(closed(view, code, reason)),
    failed: (reason) => {
      if (isWrong) void connect(control);
      else turnTo(failed(view, reason));
    },
    challenged: (wanted) => {
      if (wanted.includes("username") && !hasGuessed) {
        hasGuessed = true;
        credentials = WESTON;
        mine.answer(credentials);
        return;
      }
      turnTo(challenged(view));
      password.ask(wanted);
    },
    unknown: () => {
      isWrong = credentials === WESTON;
      credentials = {};
    },
    copied: (text) => hands.show(text),
    named: (text) => desktop.replaceChildren(...revealed(text.slice(0, NAME_MOST))),
  });
  client = mine;
}

/** @param {ScreenClient} of @param {boolean} control */
function describe(of, control) {
  const { canvas } = of;
  setAttr(canvas, "role", control ? "application" : "img");
  setAttr(canvas, "aria-label", control ? `Screen of ${name}; ${WAY_OUT} leaves it` : `Screen of ${name}`);
  if (!control) return;
  canvas.tabIndex = 0;
  of.focus();
}

take.addEventListener("click", () => {
  if (take.getAttribute("aria-disabled") !== "true") void connect(true);
});
give.addEventListener("click", () => {
  void connect(false);
  take.focus();
});
again.addEventListener("click", () => void connect(false));
size.addEventListener("click", () => {
  toFit = !toFit;
  remember(SIZE, toFit ? null : "real");
  showSize();
});
full.hidden = !document.fullscreenEnabled;
full.addEventListener("click", () => {
  if (document.fullscreenElement) void document.exitFullscreen();
  else void must("#main").requestFullscreen();
});
document.addEventListener("fullscreenchange", () => {
  const isFull = document.fullscreenElement !== null;
  full.replaceChildren(...(isFull ? label("▣ L34V3 FULL", "Leave full screen") : label("▣ FULL", "Full screen")));
});
// Before the screen gets it: a screen takes every key that it is given.
stage.addEventListener(
  "keydown",
  (event) => {
    if (!isWayOut(event)) return;
    event.preventDefault();
    event.stopPropagation();
    give.focus();
  },
  true,
);

/** Nobody looks: no picture is sent meanwhile. Who is in control may be back any moment. */
let away = 0;
let isAway = false;
document.addEventListener("visibilitychange", () => {
  clearTimeout(away);
  if (document.hidden) {
    away = window.setTimeout(() => {
      if (view.control || view.phase !== "connected") return;
      isAway = true;
      client?.close();
    }, HIDDEN_MS);
  } else if (isAway) {
    isAway = false;
    void connect(false);
  }
});

showSize();
show();
try {
  await loadClient();
  await connect(false);
} catch (error) {
  turnTo(failed(view, `The viewer could not be loaded: ${sentence(error)}`));
}
