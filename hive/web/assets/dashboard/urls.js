// @ts-check
/** Every address the dashboard uses, in one place. */

/** @param {string | number} part */
const safe = (part) => encodeURIComponent(String(part));

export const STATE = "/api/state";
export const STREAM = "/dashboard/stream";
export const HISTORY = "/dashboard/history";
/** @param {Record<string, string | number | null>} wanted what is empty is left out */
const queryOf = (wanted) => {
  const fields = Object.entries(wanted).filter(([, value]) => value !== null && value !== "");
  return `?${new URLSearchParams(fields.map(([name, value]) => [name, String(value)]))}`;
};
/** @param {Record<string, string | number | null>} wanted which messages, and where */
export const historyOf = (wanted) => `${HISTORY}${queryOf(wanted)}`;
/** @param {string} query @param {string | null} cursor */
export const found = (query, cursor) => `/api/search?q=${safe(query)}${cursor ? `&cursor=${safe(cursor)}` : ""}`;
export const SEND = "/op-send";
export const REQUEST_SPAWN = "/request-spawn";
export const REMINDERS = "/api/reminders";
export const AUDIT = "/api/audit";
export const NOTIFICATIONS = "/api/notifications";
export const NOTIFY_OUTLET = "/notifications/outlet";
export const NOTIFY_QUIET = "/notifications/quiet";
export const NOTIFY_TEST = "/notifications/test";
export const PUSH_KEY = "/notifications/key";
export const PUSH_SUBSCRIBE = "/notifications/subscribe";
/** @param {number} id */
export const pushUnsubscribe = (id) => `/notifications/unsubscribe/${safe(id)}`;
/** @param {number} id */
export const notifyResend = (id) => `/notifications/resend/${safe(id)}`;
export const META_UPDATE = "/meta-update";
export const API = "/api/openapi.json";
export const UPDATE_ALL = "/update-all";

/** @param {string} forge its address @param {string} name */
export const forgeConfig = (forge, name) => `${forge.replace(/\/+$/, "")}/agent-configs/${safe(name)}`;
/** @param {string} forge @param {string} name @param {string} sha */
export const forgeCommit = (forge, name, sha) => `${forgeConfig(forge, name)}/commit/${safe(sha)}`;
/** @param {string} name */
export const agentPage = (name) => `/agent/${safe(name)}/`;
/** @param {string} name of an agent; what its turns took */
export const statistics = (name) => `${agentPage(name)}stats`;
/** @param {"start" | "kill" | "restart" | "rebuild" | "destroy" | "set-paused"} verb @param {string} name */
export const lifecycle = (verb, name) => `/${verb}/${safe(name)}`;
/** @param {number} id */
export const approve = (id) => `/approve/${safe(id)}`;
/** @param {number} id */
export const deny = (id) => `/deny/${safe(id)}`;
/** @param {number} id @param {string} base @param {boolean} [ignoresSpace] */
export const approvalDiff = (id, base, ignoresSpace = false) =>
  `/api/approvals/${safe(id)}/diff?base=${safe(base)}${ignoresSpace ? "&ignore_space=1" : ""}`;
/** @param {number} id of an approval */
export const approvalOf = (id) => `/api/approvals/${safe(id)}`;
/** @param {number} id of an approval */
export const comments = (id) => `/api/approvals/${safe(id)}/comments`;
/** @param {number} id of an approval */
export const comment = (id) => `/comment/${safe(id)}`;
/** @param {number} id of a comment */
export const editComment = (id) => `/edit-comment/${safe(id)}`;
/** @param {number} id of a comment */
export const dropComment = (id) => `/drop-comment/${safe(id)}`;
/** @param {{agent: string, outcome: string, before: number | null}} wanted */
export const decidedBefore = ({ agent, outcome, before }) => {
  const query = new URLSearchParams();
  if (agent) query.set("agent", agent);
  if (outcome) query.set("outcome", outcome);
  if (before !== null) query.set("before", String(before));
  return `/api/approvals?${query}`;
};
/** @param {number} id */
export const jobOf = (id) => `/api/jobs/${safe(id)}`;
/** @param {number} id of a question */
export const questionOf = (id) => `/api/questions/${safe(id)}`;
/** @param {number} id @param {number} after how many lines are there already */
export const jobLog = (id, after) => `/api/jobs/${safe(id)}/log?after=${after}`;
/** @param {number} id */
export const cancelJob = (id) => `/cancel-job/${safe(id)}`;
/** @param {string} path */
export const stateFile = (path) => `/api/state-file?path=${safe(path)}`;
/** @param {readonly number[]} messages @param {readonly number[]} questions */
export const fileRefs = (messages, questions) => `/api/file-refs?messages=${messages.join(",")}&questions=${questions.join(",")}`;
/** @param {Record<string, string | number | null>} narrowed what is empty is left out */
export const closedQuestions = (narrowed) => `/api/questions${queryOf(narrowed)}`;
/** @param {string} name */
export const markAllRead = (name) => `/api/agent/${safe(name)}/mark-all-read`;
/** @param {number} id */
export const markRead = (id) => `/mark-read/${safe(id)}`;
/** @param {number} id of a message @param {number} after @param {number} limit */
export const threadOf = (id, after, limit) => `/api/threads/${safe(id)}?after=${after}&limit=${limit}`;
/** @param {number} id */
export const answerQuestion = (id) => `/answer-question/${safe(id)}`;
/** @param {number} id */
export const cancelQuestion = (id) => `/cancel-question/${safe(id)}`;
/** @param {number} id */
export const cancelReminder = (id) => `/cancel-reminder/${safe(id)}`;
/** @param {number} id */
export const retryReminder = (id) => `/retry-reminder/${safe(id)}`;
/** @param {string} name */
export const revive = (name) => `/revive/${safe(name)}`;
/** @param {string} name */
export const purgeTombstone = (name) => `/purge-tombstone/${safe(name)}`;
