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
  const whose = one.kind === "update_meta_inputs" ? inputsOf(one).join(", ") : one.agent;
  return `${kindOf(one)} ${whose}`.trim();
}

/** @type {Record<string, [string, string, string]>} */
const OUTCOMES = {
  approved: ["✓", "go", "approved"],
  denied: ["✗", "danger", "denied"],
  failed: ["!", "danger", "failed"],
  cancelled: ["◌", "", "withdrawn"],
};

/** @param {string} status of an approval @returns {[string, string, string]} glyph, tone and word */
export function outcomeOf(status) {
  return OUTCOMES[status] ?? ["·", "", status];
}

const COMMIT = /^[0-9a-f]+$/;

/** @param {string | null | undefined} sha @returns {string} as much of a commit as tells it apart; what is none, whole */
export function shortSha(sha) {
  const whole = sha ?? "";
  return COMMIT.test(whole) ? whole.slice(0, 12) : whole;
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
