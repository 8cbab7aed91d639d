// @ts-check
/** The agent's page: its state above, its terminal below, one stream for both. */

import { getJson, sentence } from "../shared/api.js";
import { focus, installCommands, press } from "../shared/commands.js";
import { connectionBadge } from "../shared/connection.js";
import { el, must, setText } from "../shared/dom.js";
import { installForms } from "../shared/form.js";
import { inTurn } from "../shared/in_turn.js";
import { Live, lookWhenSeen, pauseWhenHidden } from "../shared/live.js";
import { showLogs } from "../shared/logs.js";
import { loadMarkdown } from "../shared/markdown.js";
import { Terminal } from "../shared/terminal.js";
import { awayOf, awayView, awayWords } from "./away.js";
import { inboxDrawer, looseEndsDrawer } from "./drawers.js";
import { networkDrawer } from "./network.js";
import { KEPT, frameRows } from "./frames.js";
import { headView } from "./head.js";
import { line } from "./lines.js";
import { loginView } from "./login.js";
import { ends, partialRow } from "./partial.js";
import { promptLine } from "./prompt.js";
import { showRow } from "./row_link.js";
import { searchView } from "./search.js";
import { joinedTo } from "./tools.js";
import { modelsOf, nothing, reduce } from "./state.js";
import { whyWatch } from "./why.js";
import { NEWEST, STATE, STREAM, agentName, agentRow, newer, older } from "./urls.js";

/** @typedef {import("../shared/wire.js").Frame} Frame */
/** @typedef {import("../shared/wire.js").AgentState} AgentState */

const HIDDEN_MS = 30000;
const ROW_MS = 30000;
/** Frames after which the reason why it does not work may be another one. */
const TELLING = new Set(["status_changed", "trouble_changed", "turn_state_changed", "turn_end"]);

await loadMarkdown();
installForms();

const name = agentName();
let state = nothing(name);
/** @type {import("./away.js").Away | null} */
let away = null;
const connection = connectionBadge();
const head = headView(must("#head"), connection.root, must("#state-detail"));
const inbox = inboxDrawer(name, () => void refreshInbox());
const login = loginView(must("#login"), () => refreshLogin());
const looseEnds = looseEndsDrawer();
const network = networkDrawer(name);
const awayStrip = awayView(must("#away"), name, () => {
  live.stop();
  live.start();
});
const INVITATION =
  "Nothing has happened here yet. Write below what you want; you will see every step the agent takes. /help lists the commands.";
const empty = el("p", {}, INVITATION);
const terminal = new Terminal({
  name: "What the agent does, oldest first",
  empty,
  draw: frameRows(),
  newest: async () => (await getJson(NEWEST)).events,
  older: async (before) => (await getJson(older(before))).events,
  newer: async (after) => (await getJson(newer(after))).events,
  where: joinedTo,
  failed: (error) => terminal.local(line("note err", "!", sentence(error))),
});
const partial = partialRow(terminal);
const lookWhy = whyWatch(name, (reason) => {
  awayStrip.showWhy(reason);
  head.showWhy(away ? null : reason);
});
const search = searchView((seq, words) => void showRow(terminal, seq, words), (isHeld) => terminal.hold(isHeld));
const prompt = promptLine({
  name,
  terminal,
  models: () => modelsOf(state),
  search: search.search,
  logs: () => void showLogs(name),
});

must("#drawers").append(inbox.root, looseEnds.root, network.root);
must("#main").append(terminal.root);
terminal.root.prepend(search.root);
terminal.root.append(prompt.root);
terminal.onHold = (isHeld) => search.showHeld(isHeld);

/** The row that the page's own address names, once there is a history. */
function followAddress() {
  const row = /^#row-(\d+)$/.exec(location.hash);
  if (row) void showRow(terminal, Number(row[1]), "");
}
window.addEventListener("hashchange", followAddress);
let wasLinked = false;

function show() {
  head.update(state);
  login.update(state);
  inbox.update(state.inbox);
  const waits = state.status !== "online" || state.turn_state === "offline";
  prompt.setWaiting(waits ? "a message waits until the agent can work" : "");
}

/** @param {import("./away.js").Away | null} why */
function setAway(why) {
  if (why === away) return;
  away = why;
  lookWhy();
  awayStrip.show(why);
  setText(empty, why ? awayWords(why, name).empty : INVITATION);
  if (!why) return;
  state.turn_state = "offline";
  state.turn_state_since = Date.now() / 1000;
  state.notices = [];
  state.trouble = null;
  head.showRow(null);
  head.showWhy(null);
  show();
}

/** @param {Frame} frame */
function apply(frame) {
  if (frame.kind === "partial") return partial.take(frame);
  if (ends(frame)) partial.forget();
  if (KEPT.includes(frame.kind)) terminal.push(frame);
  if (reduce(state, frame)) show();
  if (TELLING.has(frame.kind)) lookWhy();
  if (frame.kind === "status_changed") void refreshLogin();
  if (frame.kind === "turn_start" || frame.kind === "turn_end") void refreshInbox();
  if (frame.kind === "turn_end") void looseEnds.refresh();
  if (frame.kind === "turn_end") void network.refresh();
  if (frame.kind === "turn_end") void refreshRow();
}

/** Mail has no frame on this page; a turn's two ends are when it moves. */
const refreshInbox = inTurn(async () => {
  try {
    inbox.update((await getJson(STATE)).inbox);
  } catch {
    return; // the connection badge says it; what was shown stays
  }
});

/** How a login gets on has no frame: what claude prints is kept by nobody. */
const refreshLogin = inTurn(async () => {
  try {
    state.login = (await getJson(STATE)).login;
  } catch {
    if (!state.login) return; // the connection badge says it; it is asked again while a login runs
  }
  login.update(state);
});

/** What limits it met and who built it are the daemon's to say, and have no frame here. */
const refreshRow = inTurn(async () => {
  try {
    head.showRow(await getJson(agentRow(name)));
  } catch {
    return; // the connection badge says it; what was shown stays
  }
});
setInterval(() => {
  if (!document.hidden && !away) void refreshRow();
}, ROW_MS);

const live = new Live({
  stream: STREAM,
  get: getJson,
  status: (status, detail, code) => {
    if (status === "retrying" && detail === "" && away) return; // the next attempt, nothing new
    const why = awayOf(code);
    connection.set(why ?? status, why ? "" : detail);
    if (status === "connecting") return;
    setAway(why);
    if (status === "live") return;
    prompt.setWaiting(why ? "a message is kept until the agent can work" : "not connected: nothing can be sent now");
  },
  apply,
  sources: [
    {
      url: STATE,
      take: (/** @type {AgentState} */ snapshot) => {
        state = snapshot;
        partial.restore(snapshot.partial);
        show();
        void looseEnds.refresh();
        void network.refresh();
        void refreshRow();
        lookWhy();
      },
    },
    {
      url: NEWEST,
      kinds: KEPT,
      take: (/** @type {{events: Frame[]}} */ history) => {
        terminal.offer(history.events);
        const begun = state.partial?.since ?? Infinity;
        if (history.events.some((frame) => frame.seq > begun && ends(frame))) partial.forget();
        if (!wasLinked) followAddress();
        wasLinked = true;
      },
    },
  ],
});
live.start();
lookWhenSeen(live);
pauseWhenHidden(live, HIDDEN_MS);
installCommands(must("#head .title > .row:last-child"), [
  { keys: "w", does: "write to the agent", run: focus("#prompt") },
  { keys: "s", does: "search the history", run: focus("#search") },
  { keys: "b", does: "back to the dashboard", run: press("#head a.button") },
]);
