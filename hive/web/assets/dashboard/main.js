// @ts-check
/** The dashboard: one state, one stream, and the views that follow them. */

import { getJson } from "../shared/api.js";
import { focus, installCommands } from "../shared/commands.js";
import { connectionBadge } from "../shared/connection.js";
import { el, must, setText } from "../shared/dom.js";
import { installForms } from "../shared/form.js";
import { keepShell } from "../shared/install_shell.js";
import { Live, lookWhenSeen } from "../shared/live.js";
import { loadMarkdown } from "../shared/markdown.js";
import { rereading } from "../shared/rereading.js";
import { toast } from "../shared/toast.js";
import { approvalsView } from "./approvals.js";
import { auditView } from "./audit.js";
import { barView } from "./bar.js";
import { Compose } from "./compose.js";
import { containersView } from "./containers.js";
import { flowView } from "./flow.js";
import { guideView } from "./guide.js";
import { inboxView } from "./inbox.js";
import { jobLogs } from "./job_log.js";
import { jobsView } from "./jobs.js";
import { metaInputsView } from "./meta_inputs.js";
import { noticesView } from "./notices.js";
import { notificationsView } from "./notifications.js";
import { onGo, tellWorker } from "./this_browser.js";
import { questionsView } from "./questions.js";
import { remindersView } from "./reminders.js";
import { requestForm } from "./request.js";
import { tellComments, tellDecided } from "./review.js";
import { searchView } from "./search.js";
import { messageIn } from "./search_words.js";
import { nothing, reduce } from "./state.js";
import { tasksView } from "./tasks.js";
import { decide, nextWaiting } from "./selected.js";
import { threadIn } from "./thread_tree.js";
import { threadsView } from "./threads.js";
import { tombstonesView } from "./tombstones.js";
import { API, HISTORY, REMINDERS, STATE, STREAM } from "./urls.js";
import { jobTitle } from "./words.js";

/** @typedef {import("../shared/wire.js").Frame} Frame */
/** @typedef {import("../shared/wire.js").DashboardState} State */

const REMINDERS_MS = 150;
const HIDDEN_MS = 200;
const CUT = 200;
/** @param {string} text */
const cut = (text) => (text.length > CUT ? `${text.slice(0, CUT)}…` : text);

await loadMarkdown();
installForms();

let state = nothing();
const connection = connectionBadge();
const compose = new Compose();
const request = requestForm();
const guide = guideView({ request: request.focus, write: (name) => compose.writeTo(name) });
const flow = flowView(
  compose.root,
  (message) => compose.reply(/** @type {any} */ (message)),
  (id) => threads.open(id),
);
const threads = threadsView();
const search = searchView((id) => void flow.goTo(id), threads.open);
const containers = containersView((name) => compose.writeTo(name));
const approvals = approvalsView(request.root);
const questions = questionsView();
const inbox = inboxView((message) => compose.reply(message), threads.open, () => flow.narrow("to-operator"));
const logs = jobLogs();
const jobs = jobsView(logs.show);
const reminders = remindersView();
const inputs = metaInputsView();
const kept = tombstonesView();
const tasks = tasksView();
const notices = noticesView(must("#notices"));
const notifications = notificationsView();
const version = el("span");
const foot = el(
  "p",
  { class: "version muted row" },
  version,
  el("a", { href: API, type: "application/json" }, "the API, described"),
);
const views = [
  barView(must("#bar"), connection.root, search.form),
  search,
  notices,
  guide, containers, request, approvals, questions, jobs, inbox, compose, threads, flow, reminders, kept, inputs, tasks,
];

must("#swarm").append(
  guide.root, containers.root, approvals.root, questions.root, jobs.root, reminders.root, kept.root,
  inputs.root, notifications.root, tasks.root, auditView().root,
);
must("#talk").append(search.root, inbox.root, flow.root);
must("#swarm").append(foot);

/** The message that the page's own address names, once there is a history. */
function followAddress() {
  const id = messageIn(location.hash);
  if (id !== null) void flow.goTo(id);
  const thread = threadIn(location.hash);
  if (thread !== null) threads.open(thread);
}
window.addEventListener("hashchange", followAddress);
let wasLinked = false;

let isScheduled = false;
function show() {
  if (isScheduled) return;
  isScheduled = true;
  // Once a frame, however much comes; a hidden tab has none, but a title whose count must follow.
  requestAnimationFrame(draw);
  setTimeout(draw, HIDDEN_MS);
}

function draw() {
  if (!isScheduled) return;
  isScheduled = false;
  for (const view of views) view.update(state);
  const how = state.isolation ? ` · containers: ${state.isolation}` : "";
  setText(version, state.version ? `hyperhive ${state.version}${how}` : "");
}

/** @param {Frame} frame */
function apply(frame) {
  flow.apply(frame);
  if (frame.kind === "sent" && frame.from === "operator") guide.written();
  logs.apply(frame);
  threads.apply(frame);
  if (frame.kind === "notices_changed") notices.heard(frame.notices);
  if (frame.kind === "notified") void tellWorker(frame.notification);
  if (frame.kind === "notifications_changed") notifications.changed();
  if (frame.kind === "approval_resolved") tellDecided(frame.approval);
  if (frame.kind === "comments_changed") tellComments(frame.approval_id);
  if (frame.kind === "job_changed" && frame.job.state === "failed") tellFailed(frame.job);
  if (reduce(state, frame)) show();
  if (frame.kind === "reminders_changed") remindersLater();
}

/** @param {import("../shared/wire.js").Job} job */
function tellFailed(job) {
  const known = state.jobs.find((one) => one.id === job.id);
  if (known?.state !== "failed") toast(`✗ ${jobTitle(job)} failed${job.note ? `: ${cut(job.note)}` : ""}`, "bad");
}

/** The frame says whose changed, not how: they are read again, once for a burst of frames. */
const remindersLater = rereading(REMINDERS_MS, async () => {
  const { seq, reminders } = await getJson(REMINDERS);
  if (seq < state.seq) return; // a snapshot overtook it
  state.reminders = reminders;
  show();
});

const live = new Live({
  stream: STREAM,
  get: getJson,
  status: connection.set,
  apply,
  sources: [
    {
      url: STATE,
      also: ["sent", "acked"],
      take: (/** @type {State} */ snapshot) => {
        state = snapshot;
        must("#main").removeAttribute("aria-busy");
        logs.refresh();
        threads.refresh();
        isScheduled = true;
        draw();
      },
    },
    {
      url: HISTORY,
      kinds: ["sent", "delivered", "acked"],
      take: (/** @type {import("./flow.js").History} */ history) => {
        if (history.events.some((frame) => frame.from === "operator")) guide.written();
        flow.take(history);
        if (!wasLinked) followAddress();
        wasLinked = true;
      },
    },
  ],
});
live.start();
lookWhenSeen(live);
search.start();
void keepShell();
onGo((hash) => {
  if (location.hash === hash) window.dispatchEvent(new HashChangeEvent("hashchange"));
  else location.hash = hash;
});
installCommands(must("#bar .push > .row"), [
  { keys: "j", does: "the next that waits for you: an approval or a question", run: () => nextWaiting(1) },
  { keys: "k", does: "the one before it", run: () => nextWaiting(-1) },
  { keys: "v", does: "the diff of the approval that has the focus", run: () => decide(".calm") },
  { keys: "a", does: "approve the approval that has the focus", run: () => decide(".go") },
  { keys: "d", does: "deny it, after a question for the reason", run: () => decide(".danger") },
  { keys: "w", does: "write a message", run: focus("#compose") },
]);
