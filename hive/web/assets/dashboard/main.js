// @ts-check
/** The dashboard: one state, one stream, and the views that follow them. */

import { getJson } from "../shared/api.js";
import { connectionBadge } from "../shared/connection.js";
import { el, must, setText } from "../shared/dom.js";
import { installForms } from "../shared/form.js";
import { Live } from "../shared/live.js";
import { loadMarkdown } from "../shared/markdown.js";
import { approvalsView } from "./approvals.js";
import { barView } from "./bar.js";
import { Compose } from "./compose.js";
import { containersView } from "./containers.js";
import { flowView } from "./flow.js";
import { guideView } from "./guide.js";
import { inboxView } from "./inbox.js";
import { noticesView } from "./notices.js";
import { questionsView } from "./questions.js";
import { remindersView } from "./reminders.js";
import { requestForm } from "./request.js";
import { nothing, reduce } from "./state.js";
import { tasksView } from "./tasks.js";
import { tombstonesView } from "./tombstones.js";
import { HISTORY, STATE, STREAM } from "./urls.js";

/** @typedef {import("../shared/wire.js").Frame} Frame */
/** @typedef {import("../shared/wire.js").DashboardState} State */

await loadMarkdown();
installForms();

let state = nothing();
const connection = connectionBadge();
const compose = new Compose();
const request = requestForm();
const guide = guideView({ request: request.focus, write: (name) => compose.writeTo(name) });
const flow = flowView(compose.root, (message) => compose.reply(/** @type {any} */ (message)));
const containers = containersView((name) => compose.writeTo(name));
const approvals = approvalsView(request.root);
const questions = questionsView();
const inbox = inboxView((message) => compose.reply(message));
const reminders = remindersView();
const kept = tombstonesView();
const tasks = tasksView();
const version = el("p", { class: "version muted" });
const views = [
  barView(must("#bar"), connection.root),
  noticesView(must("#notices")),
  guide, containers, request, approvals, questions, inbox, compose, reminders, kept, tasks,
];

must("#swarm").append(
  guide.root, containers.root, approvals.root, questions.root, reminders.root, kept.root, tasks.root,
);
must("#talk").append(inbox.root, flow.root);
tasks.root.append(version);

let isScheduled = false;
function show() {
  if (isScheduled) return;
  isScheduled = true;
  // Not requestAnimationFrame: the count in the title of a hidden tab must follow too.
  queueMicrotask(() => {
    isScheduled = false;
    for (const view of views) view.update(state);
    const how = state.isolation ? ` · containers: ${state.isolation}` : "";
    setText(version, state.version ? `hyperhive ${state.version}${how}` : "");
  });
}

/** @param {Frame} frame */
function apply(frame) {
  flow.apply(frame);
  if (frame.kind === "sent" && frame.from === "operator") guide.written();
  const before = remindersPending();
  if (reduce(state, frame)) show();
  if (remindersPending() !== before) void refreshReminders();
}

function remindersPending() {
  return state.containers.reduce((sum, row) => sum + row.pending_reminders, 0);
}

/** Reminders have no frame of their own; the count in the rows tells when to look again. */
async function refreshReminders() {
  try {
    state.reminders = (await getJson(STATE)).reminders;
    show();
  } catch {
    return; // the connection badge already says that the hive is out of reach
  }
}

const live = new Live({
  stream: STREAM,
  get: getJson,
  status: connection.set,
  apply,
  sources: [
    {
      url: STATE,
      also: ["sent"],
      take: (/** @type {State} */ snapshot) => {
        state = snapshot;
        must("#main").removeAttribute("aria-busy");
        show();
      },
    },
    {
      url: HISTORY,
      kinds: ["sent"],
      take: (/** @type {{events: Frame[]}} */ history) => {
        if (history.events.some((frame) => frame.from === "operator")) guide.written();
        flow.take(history.events);
      },
    },
  ],
});
live.start();
