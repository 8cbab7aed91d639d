// @ts-check
/** Every address the dashboard uses, in one place. */

/** @param {string | number} part */
const safe = (part) => encodeURIComponent(String(part));

export const STATE = "/api/state";
export const STREAM = "/dashboard/stream";
export const HISTORY = "/dashboard/history";
export const SEND = "/op-send";
export const REQUEST_SPAWN = "/request-spawn";

/** @param {string} name */
export const agentPage = (name) => `/agent/${safe(name)}/`;
/** @param {string} name @param {number} lines */
export const logs = (name, lines) => `/api/logs/${safe(name)}?lines=${lines}`;
/** @param {"start" | "kill" | "restart" | "rebuild" | "destroy" | "set-paused"} verb @param {string} name */
export const lifecycle = (verb, name) => `/${verb}/${safe(name)}`;
/** @param {number} id */
export const approve = (id) => `/approve/${safe(id)}`;
/** @param {number} id */
export const deny = (id) => `/deny/${safe(id)}`;
/** @param {string} name */
export const markAllRead = (name) => `/api/agent/${safe(name)}/mark-all-read`;
/** @param {number} id */
export const answerQuestion = (id) => `/answer-question/${safe(id)}`;
/** @param {number} id */
export const cancelQuestion = (id) => `/cancel-question/${safe(id)}`;
/** @param {number} id */
export const cancelReminder = (id) => `/cancel-reminder/${safe(id)}`;
/** @param {string} name */
export const purgeTombstone = (name) => `/purge-tombstone/${safe(name)}`;
