// @ts-check
/** What the dashboard knows: a snapshot, and how each frame changes it. Pure. */

/** @typedef {import("../shared/wire.js").DashboardState} State */
/** @typedef {import("../shared/wire.js").Frame} Frame */
/** @typedef {import("../shared/wire.js").ContainerRow} ContainerRow */

// As many as a snapshot holds: a page that has been open for long shows what a fresh one does.
const INBOX_MAX = 50;
const UNREAD_MAX = 200;
const HISTORY_MAX = 30;
const DECIDED_MAX = 10;
const OVER_MAX = 50;
const OVER = new Set(["done", "failed", "cancelled"]);

/** @returns {State} what is shown before the first snapshot */
export function nothing() {
  return {
    seq: -1,
    version: "",
    demo: false,
    isolation: "",
    notices: [],
    containers: [],
    approvals: [],
    approval_history: [],
    questions: [],
    question_history: [],
    reminders: [],
    tombstones: [],
    inbox: [],
    tasks: [],
    jobs: [],
    meta_inputs: [],
    forge: { url: null, trouble: null },
  };
}

/**
 * @param {State} state changed in place
 * @param {Frame} frame
 * @returns {boolean} whether anything that is shown changed
 */
export function reduce(state, frame) {
  if (!Object.hasOwn(CHANGES, frame.kind)) return false;
  CHANGES[frame.kind](state, frame);
  return true;
}

/** @type {Record<string, (state: State, frame: Frame) => void>} */
const CHANGES = {
  container_state_changed: (state, frame) => {
    const others = state.containers.filter((row) => row.name !== frame.container.name);
    state.containers = sorted([...others, frame.container]);
  },
  container_removed: (state, frame) => {
    state.containers = state.containers.filter((row) => row.name !== frame.name);
  },
  transient_set: (state, frame) => {
    const known = state.containers.find((row) => row.name === frame.name) ?? placeholder(frame.name);
    const row = { ...known, transient: frame.transient_kind, transient_since: frame.since_unix };
    const others = state.containers.filter((other) => other.name !== frame.name);
    state.containers = sorted([...others, row]);
  },
  transient_cleared: (state, frame) => {
    state.containers = state.containers
      .filter((row) => row.name !== frame.name || row.container !== "")
      .map((row) =>
        row.name === frame.name ? { ...row, transient: null, transient_since: null } : row,
      );
  },
  approval_added: (state, frame) => {
    const others = state.approvals.filter((one) => one.id !== frame.approval.id);
    state.approvals = [...others, frame.approval];
  },
  comments_changed: (state, frame) => {
    state.approvals = state.approvals.map((one) => (one.id === frame.approval_id ? { ...one, comments: frame.count } : one));
  },
  approval_resolved: (state, frame) => {
    state.approvals = state.approvals.filter((one) => one.id !== frame.approval.id);
    const others = state.approval_history.filter((one) => one.id !== frame.approval.id);
    state.approval_history = [frame.approval, ...others].slice(0, DECIDED_MAX);
  },
  question_added: (state, frame) => {
    const { kind: _kind, seq: _seq, ...question } = frame;
    const others = state.questions.filter((one) => one.id !== frame.id);
    state.questions = [...others, /** @type {any} */ (question)];
  },
  question_resolved: (state, frame) => {
    const open = state.questions.find((one) => one.id === frame.id);
    state.questions = state.questions.filter((one) => one.id !== frame.id);
    if (!open) return;
    const { answer, answerer, answered_at, how } = frame;
    const closed = { ...open, answer, answerer, answered_at, how };
    const others = state.question_history.filter((one) => one.id !== frame.id);
    state.question_history = [closed, ...others].slice(0, HISTORY_MAX);
  },
  sent: (state, frame) => {
    if (frame.to !== "operator" || state.inbox.some((row) => row.id === frame.id)) return;
    const { id, from, to, body, at, in_reply_to, broadcast, origin, via } = frame;
    const row = { id, from, to, body, in_reply_to, sent_at: at, broadcast, origin, via };
    // Two that were sent at once may be told in either order.
    const inbox = [{ ...row, delivered_at: null, acked_at: null }, ...state.inbox];
    state.inbox = trimmed(inbox.sort((one, other) => other.id - one.id));
  },
  acked: (state, frame) => {
    if (frame.to !== "operator") return;
    const ids = new Set(frame.ids);
    state.inbox = trimmed(
      state.inbox.map((row) => (ids.has(row.id) ? { ...row, acked_at: row.acked_at ?? Date.now() / 1000 } : row)),
    );
  },
  tasks_changed: (state, frame) => {
    state.tasks = frame.tasks;
  },
  tombstones_changed: (state, frame) => {
    state.tombstones = frame.tombstones;
  },
  job_changed: (state, frame) => {
    const others = state.jobs.filter((job) => job.id !== frame.job.id);
    const { open, over } = jobsOf([...others, frame.job]);
    state.jobs = [...open, ...over.slice(0, OVER_MAX)];
  },
  meta_inputs_changed: (state, frame) => {
    state.meta_inputs = frame.inputs;
  },
  notices_changed: (state, frame) => {
    state.notices = frame.notices;
  },
  forge_changed: (state, frame) => {
    state.forge = { url: frame.url, trouble: frame.trouble };
  },
};

/** @param {ContainerRow[]} rows the manager first, then by name */
function sorted(rows) {
  return rows.sort(
    (a, b) => Number(b.is_manager) - Number(a.is_manager) || (a.name < b.name ? -1 : 1),
  );
}

/** @param {string} name @returns {ContainerRow} of a container that is only now being made */
function placeholder(name) {
  return {
    name,
    container: "",
    is_manager: name === "manager",
    running: false,
    failed: false,
    needs_login: false,
    needs_update: false,
    rate_limited: false,
    paused: false,
    pending_reminders: 0,
    unread: 0,
    turn_state: "offline",
    transient: null,
    transient_since: null,
    active_model: null,
    status_text: null,
    status_set_at: null,
    parent: null,
    deployed_sha: null,
    deployed_tag: null,
    note: null,
    ctx_tokens: null,
    isolation: "",
    limits_met: [],
    network: "",
    denied: 0,
    why: null,
    icon: "",
    links: [],
  };
}

/** @typedef {import("../shared/wire.js").Job} Job */

/**
 * @param {readonly Job[]} jobs in any order
 * @returns {{open: Job[], over: Job[]}} open: the running one first, then as they wait; over: newest first
 */
export function jobsOf(jobs) {
  const open = jobs.filter((job) => !OVER.has(job.state));
  open.sort((a, b) => Number(b.state === "running") - Number(a.state === "running") || a.id - b.id);
  const over = jobs.filter((job) => OVER.has(job.state));
  over.sort((a, b) => (b.ended_at ?? 0) - (a.ended_at ?? 0) || b.id - a.id);
  return { open, over };
}

/** @param {State["inbox"]} inbox newest first @returns {State["inbox"]} the newest, and those that were not read */
function trimmed(inbox) {
  let unread = 0;
  return inbox.filter((row, at) => {
    if (row.acked_at === null) unread += 1;
    return at < INBOX_MAX || (row.acked_at === null && unread <= UNREAD_MAX);
  });
}

/** @param {State} state @returns {number} messages the operator has not marked as read */
export function unreadCount(state) {
  return state.inbox.filter((row) => row.acked_at === null).length;
}

/** @param {State} state @returns {import("../shared/wire.js").Question[]} those put to the operator */
export function operatorQuestions(state) {
  return state.questions.filter((one) => one.target === null || one.target === "operator");
}

/** @param {State} state @returns {string[]} who can be written to, the manager first */
export function recipients(state) {
  const names = state.containers.map((row) => row.name);
  return [...names, "*"];
}

/** @param {State} state @returns {string[]} names a new agent cannot have */
export function takenNames(state) {
  const asked = state.approvals.filter((one) => one.kind === "spawn").map((one) => one.agent);
  return [...state.containers.map((row) => row.name), ...asked];
}
