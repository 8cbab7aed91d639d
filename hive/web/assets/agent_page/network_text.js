// @ts-check
/** Destinations as agent.toml writes them. Pure. */

const USUAL_PORTS = [443, 80];

const NAMED = /add allow = \["([^"\\]+)"\]/;

/**
 * It as an entry of `allow`: the one that its refusal names, where a name leads to an address
 * that has to be listed itself.
 * @param {{host: string, port: number, why?: string | null}} row @returns {string}
 */
export function entryFor(row) {
  const named = NAMED.exec(row.why ?? "")?.[1];
  if (named) return named;
  const host = row.host.includes(":") ? `[${row.host}]` : row.host;
  if (USUAL_PORTS.includes(row.port)) return row.host;
  return `${host}:${row.port}`;
}
