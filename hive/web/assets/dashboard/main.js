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
import { openDecided } from "./decided.js";
import { flowView } from "./flow.js";
import { guideView } from "./guide.js";
import { inboxView } from "./inbox.js";
import { jobLogs } from "./job_log.js";
import { jobsView } from "./jobs.js";
import { metaInputsView } from "./meta_inputs.js";
import { noticesView } from "./notices.js";
import { notificationsView } from "./notifications.js";
import { onGo, tellWorker } from "./this_browser.js";
import { overviewView } from "./overview.js";
import { Places } from "./places.js";
import { openClosed } from "./question_history.js";
import { questionsView } from "./questions.js";
import { remindersView } from "./reminders.js";
import { requestForm } from "./request.js";
import { tellComments, tellDecided } from "./review.js";
import { searchView } from "./search.js";
import { thingIn } from "./address.js";
import { nothing, reduce } from "./state.js";
import { tabsView } from "./tabs.js";
import { tasksView } from "./tasks.js";
import { decide, nextWaiting } from "./selected.js";
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
const search = searchView((id) => void flow.goTo(id), threads.open, () => places.follow());
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
const overview = overviewView();
const tabs = tabsView(must("#tabs"), overview.count);
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
  overview, tabs, guide, containers, request, approvals, questions, jobs, inbox, compose, threads, flow, reminders,
  kept, inputs, tasks,
];

/** @param {string} id of a tab @param {...HTMLElement} content */
const group = (id, ...content) => el("div", { class: "group", id, "data-in": id }, ...content);
must("#swarm").append(
  group("home", overview.root, guide.root),
  group("agents", containers.root, kept.root),
  group("decisions", approvals.root, questions.root),
  group("system", jobs.root, reminders.root, inputs.root, notifications.root, tasks.root, auditView().root, foot),
);
must("#talk").append(search.root, inbox.root, flow.root);

const places = new Places(must("#main"), {
  message: (id) => void flow.goTo(id),
  job: (id) => {
    const job = state.jobs.find((one) => one.id === id);
    if (job) logs.show(job);
  },
  thread: (id) => threads.open(id),
  older: { approval: openDecided, question: openClosed, job: logs.find },
  told: tabs.told,
});
let wasRead = false;

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
  // A message is looked for in the history, which comes behind the state.
  if (state.seq >= 0 && (wasRead || thingIn(location.hash)?.kind !== "message")) places.ready();
  const how = state.isolation ? ` · containers: ${state.isolation}` : "";
  setText(version, state.version ? `hyperhive ${state.version}${how}` : "");
}

/** @param {Frame} frame */
function apply(frame) {
  flow.apply(frame);
  if (frame.kind === "sent" && frame.from === "operator") guide.written();
  logs.apply(frame);
  threads.apply(frame);
  if (frame.kind === "notices_changed") for (const view of [notices, overview]) view.heard(frame.notices);
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
      kinds: ["sent", "delivered", "acked", "requeued"],
      take: (/** @type {import("./flow.js").History} */ history) => {
        if (history.events.some((frame) => frame.from === "operator")) guide.written();
        flow.take(history);
        wasRead = true;
        show();
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
