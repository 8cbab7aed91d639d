// @ts-check
/** The history of approvals out of what frames told and what was read of it. Pure. */

/** @typedef {import("../shared/wire.js").Approval} Approval */

/**
 * @param {readonly Approval[]} newest as the snapshot and frames tell it @param {readonly Approval[]} read page by page
 * @param {string} agent "" for every one @param {string} outcome "" for every one
 * @returns {Approval[]} each once as it is known last, newest first
 */
export function older(newest, read, agent, outcome) {
  const found = new Map([...read, ...newest].map((one) => [one.id, one]));
  return [...found.values()]
    .filter((one) => (agent === "" || one.agent === agent) && (outcome === "" || one.status === outcome))
    .sort((a, b) => (b.resolved_at ?? 0) - (a.resolved_at ?? 0) || b.id - a.id);
}
