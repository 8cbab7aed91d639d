// @ts-check
/** What approvals and jobs are called in front of people. Pure. */

/** @typedef {import("../shared/wire.js").Approval} Approval */
/** @typedef {import("../shared/wire.js").Job} Job */

/** @type {Record<string, string>} */
const APPROVALS = {
  init_config: "new configuration",
  spawn: "new agent",
  apply_commit: "change of configuration",
  update_meta_inputs: "update of inputs",
};

/** @param {Approval} one @returns {string} what it is, as "new agent" */
export function kindOf(one) {
  return APPROVALS[one.kind] ?? one.kind.replaceAll("_", " ");
}

/** @param {Approval} one @returns {string} what it is and of whom */
export function approvalTitle(one) {
  return one.kind === "update_meta_inputs" ? kindOf(one) : `${kindOf(one)} ${one.agent}`;
}

/** @param {string | null | undefined} sha @returns {string} as much of a commit as tells it apart */
export function shortSha(sha) {
  return (sha ?? "").slice(0, 12);
}

/** @param {Approval} one @returns {string[]} the inputs it would update, [] for any other kind */
export function inputsOf(one) {
  return one.kind === "update_meta_inputs" ? names(one.commit_ref) : [];
}

/** @type {Record<string, string>} */
const JOBS = {
  init_config: "seed the configuration of",
  spawn: "create",
  deploy: "deploy",
  rebuild: "rebuild",
  restart: "restart",
  destroy: "destroy",
};

/** @param {Job} job @returns {string} "deploy alice" */
export function jobTitle(job) {
  if (job.kind === "meta_update") {
    const inputs = names(job.args.inputs ?? "[]");
    return inputs.length ? `update ${inputs.join(", ")}` : "update inputs";
  }
  const verb = job.kind === "destroy" && job.args.purge === "yes" ? "purge" : JOBS[job.kind];
  return `${verb ?? job.kind.replaceAll("_", " ")} ${job.agent ?? ""}`.trim();
}

/** @param {string} text a JSON array @returns {string[]} */
function names(text) {
  try {
    const found = JSON.parse(text);
    return Array.isArray(found) ? found.map(String) : [];
  } catch {
    return []; // of a requester who wrote something else: the row shows without them
  }
}
