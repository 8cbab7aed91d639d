// @ts-check
/** What an agent's limits are called, for whoever shows that it met some. */

/** @type {Record<string, string>} by the keys of `limits` in agent.toml */
const NAMES = {
  memory_mib: "memory", cpu_percent: "processor", tasks: "processes", open_files: "open files", disk_mib: "disk",
};

/** @param {readonly string[]} keys of the limits that were met @returns {{text: string, title: string}} */
export function limitsMet(keys) {
  const met = keys.map((key) => NAMES[key] ?? key).join(", ");
  return {
    text: `at its limit: ${met}`,
    title: `it met its limit of ${met} within the last minutes: limits in its agent.toml`,
  };
}
