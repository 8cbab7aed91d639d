// @ts-check
/** What hive itself tells an agent is JSON; here it is one readable line. Pure. */

const COMMIT = /^[0-9a-f]{40}$/;

/** @param {string} body @returns {string | null} "spawned · agent alice", null when it is no event */
export function event(body) {
  let value;
  try {
    value = JSON.parse(body);
  } catch {
    return null; // a sentence for the agent, shown as it is
  }
  if (!value || typeof value !== "object" || typeof value.event !== "string") return null;
  const { event: name, ok, ...rest } = value;
  const parts = Object.entries(rest)
    .filter(([, field]) => field !== null && field !== "" && field !== false)
    .map(([key, field]) => spoken(key.replaceAll("_", " "), field));
  const how = typeof ok === "boolean" ? [ok ? "✓ done" : "✗ failed"] : [];
  return [`◈ ${name.replaceAll("_", " ")}`, ...how, ...parts].join(" · ");
}

/** @param {string} key @param {any} field */
function spoken(key, field) {
  if (field === true) return key;
  if (COMMIT.test(String(field))) return `${key} ${String(field).slice(0, 12)}`;
  return `${key} ${typeof field === "string" ? field : JSON.stringify(field)}`;
}
