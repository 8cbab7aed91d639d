// @ts-check
/** Which messages the flow shows: of one agent, of one kind. Pure, and as the daemon reads it. */

/** @typedef {{agent: string, kind: string}} Filter "" takes all */

export const KINDS = [
  ["", "every kind"],
  ["to-operator", "to you"],
  ["from-operator", "from you"],
  ["between", "between agents"],
  ["system", "of hive itself"],
  ["external", "from outside"],
];

/** @type {Record<string, (message: any) => boolean>} */
const TESTS = {
  "to-operator": (message) => message.to === "operator",
  "from-operator": (message) => message.from === "operator",
  between: (message) => message.origin === "peer" && message.to !== "operator",
  system: (message) => message.origin === "system",
  external: (message) => message.origin === "external",
};

/** @param {any} message a row or a frame @param {Filter} filter */
export function passes(message, filter) {
  if (filter.agent && message.from !== filter.agent && message.to !== filter.agent) return false;
  return !filter.kind || (TESTS[filter.kind]?.(message) ?? false);
}

/** @param {Filter} filter */
export const isAll = (filter) => filter.agent === "" && filter.kind === "";

/** @param {string | null} text as it was kept @returns {Filter} */
export function readFilter(text) {
  const [kind = "", agent = ""] = (text ?? "").split(" ");
  return { agent, kind: kind in TESTS ? kind : "" };
}

/** @param {Filter} filter @returns {string} */
export const writeFilter = (filter) => `${filter.kind} ${filter.agent}`;
