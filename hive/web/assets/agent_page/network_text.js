// @ts-check
/** Destinations as agent.toml writes them. Pure. */

const USUAL_PORTS = [443, 80];

/** @param {{host: string, port: number}} row @returns {string} it as an entry of `allow` */
export function entryFor(row) {
  const host = row.host.includes(":") ? `[${row.host}]` : row.host;
  if (USUAL_PORTS.includes(row.port)) return row.host;
  return `${host}:${row.port}`;
}
