// @ts-check
/** What hive itself tells an agent is JSON; here it is one readable line. Pure. */

/** @param {string} body @returns {string | null} "spawned · agent alice", null when it is no event */
export function event(body) {
  let value;
  try {
    value = JSON.parse(body);
  } catch {
    return null; // a sentence for the agent, shown as it is
  }
  if (!value || typeof value !== "object" || typeof value.event !== "string") return null;
  const { event: name, ...rest } = value;
  const parts = Object.entries(rest)
    .filter(([, field]) => field !== null && field !== "" && field !== false)
    .map(([key, field]) => spoken(key.replaceAll("_", " "), field));
  return [`◈ ${name.replaceAll("_", " ")}`, ...parts].join(" · ");
}

/** @param {string} key @param {any} field */
function spoken(key, field) {
  if (field === true) return key;
  return `${key} ${typeof field === "string" ? field : JSON.stringify(field)}`;
}
