// @ts-check
/** Every address the agent's page uses; relative, so that it works behind /agent/<name>/ too. */

export const DASHBOARD = "/";
export const STATE = "api/state";
export const STREAM = "events/stream";
export const LOOSE_ENDS = "api/loose-ends";
export const SEND = "send";
export const CANCEL = "api/cancel";
export const COMPACT = "api/compact";
export const LOGIN_START = "api/login-start";
export const LOGIN_CODE = "api/login-code";
export const LOGIN_CANCEL = "api/login-cancel";
export const MODEL = "api/model";
export const NEW_SESSION = "api/new-session";
export const STATS = "stats";
const PAGE = 300;
/** Further rows come in smaller numbers, so that drawing them is not felt while one scrolls. */
const MORE = 80;
export const SCREEN = "screen";
export const SCREEN_TICKET = "screen/ticket";
/** @param {string} ticket good for one websocket @returns {string} */
export const screenSocket = (ticket) => `screen/ws?ticket=${encodeURIComponent(ticket)}`;
const safe = encodeURIComponent;

/** @returns {string} whose page this is, by its address */
export const agentName = () => /^\/agent\/([^/]+)\//.exec(location.pathname)?.[1] ?? "agent";
/** @param {string} name of an agent; what it reached is the daemon's to say */
export const network = (name) => `/api/network/${encodeURIComponent(name)}`;
/** @param {string} name of an agent, as the dashboard shows it */
export const agentRow = (name) => `/api/agent/${safe(name)}/row`;
/** @param {string} name of an agent; why it does not work is the daemon's to say */
export const why = (name) => `/api/agents/${safe(name)}/why`;
/** @param {string} name of an agent that is to reach more; asked for at the dashboard */
export const allow = (name) => `/allow/${encodeURIComponent(name)}`;
/** @param {string} name of an agent that is to be started, at the dashboard */
export const start = (name) => `/start/${encodeURIComponent(name)}`;

export const NEWEST = `events/history?limit=${PAGE}`;
/** @param {number} before */
export const older = (before) => `events/history?before=${before}&limit=${MORE}`;
/** @param {number} after */
export const newer = (after) => `events/history?after=${after}&limit=${MORE}`;
/** @param {string} words @param {string} kinds @param {number | null} before @param {number} limit */
export const found = (words, kinds, before, limit) => {
  const fields = new URLSearchParams({ q: words, limit: String(limit) });
  if (kinds) fields.set("kinds", kinds);
  if (before !== null) fields.set("before", String(before));
  return `events/history?${fields}`;
};
/** @param {string} name of an agent, whose mail is acknowledged unread */
export const markAllRead = (name) => `/api/agent/${safe(name)}/mark-all-read`;
/** @param {string} name */
export const setPaused = (name) => `/set-paused/${safe(name)}`;
/** @param {string} name of an agent that is to be built anew, at the dashboard */
export const rebuild = (name) => `/rebuild/${safe(name)}`;
/** @param {number} id of a question */
export const cancelQuestion = (id) => `/cancel-question/${safe(id)}`;
/** @param {number} id of a reminder */
export const cancelReminder = (id) => `/cancel-reminder/${safe(id)}`;
/** @param {number} id of a question; answered at the dashboard, as the operator */
export const answerQuestion = (id) => `/answer-question/${encodeURIComponent(id)}`;
/** @param {string} window */
export const statistics = (window) => `api/stats?window=${encodeURIComponent(window)}`;
/** @param {string} kind `csv` or `json` @param {string} window */
export const exported = (kind, window) => `api/stats/export.${kind}?window=${encodeURIComponent(window)}`;
