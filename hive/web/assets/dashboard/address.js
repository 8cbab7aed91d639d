// @ts-check
/** What the page's address names: a tab, a section, or one thing of a kind. Pure. */

/** @typedef {{id: string, leet: string, plain: string}} Tab */

/** @type {readonly Tab[]} in their order; `id` is that of the part of the page it shows */
export const TABS = [
  { id: "home", leet: "H0M3", plain: "Home" },
  { id: "agents", leet: "SW4RM", plain: "Agents" },
  { id: "decisions", leet: "Y3R C4LL", plain: "Decide" },
  { id: "talk", leet: "T4LK", plain: "Talk" },
  { id: "system", leet: "SYST3M", plain: "System" },
];
export const HOME = "home";

/** @type {Record<string, string>} the tab of each kind of thing */
const KINDS = {
  agent: "agents",
  approval: "decisions",
  question: "decisions",
  message: "talk",
  thread: "talk",
  mail: "talk",
  job: "system",
  reminder: "system",
};
const THING = /^#([a-z]+)-([a-z0-9][a-z0-9-]{0,30})$/;
const NUMBER = /^\d{1,15}$/;

/** @typedef {{kind: string, id: string}} Thing */

/** @param {string} kind @param {string | number} id @returns {string} the address of one thing */
export const linkTo = (kind, id) => `#${kind}-${id}`;

/** @param {string} hash @returns {Thing | null} the one thing that an address names */
export function thingIn(hash) {
  const found = THING.exec(hash);
  if (!found || !Object.hasOwn(KINDS, found[1])) return null;
  const [, kind, id] = found;
  return kind === "agent" || NUMBER.test(id) ? { kind, id } : null;
}

/**
 * @param {string} hash of the page's address @param {string} search likewise
 * @param {(id: string) => string | null} tabOfSection of what has this id on the page
 * @returns {string} the tab that shows what the address names
 */
export function tabIn(hash, search, tabOfSection) {
  const thing = thingIn(hash);
  if (thing) return KINDS[thing.kind];
  if (hash.length > 1) return tabOfSection(hash.slice(1)) ?? HOME;
  // What was found stands in front of what is said.
  return new URLSearchParams(search).get("q") ? "talk" : HOME;
}

/** @type {Record<string, string>} */
const GONE = {
  agent: "There is no agent of this name: it was destroyed, or never was",
  reminder: "is not there any more: it was delivered or cancelled",
};

/** @param {Thing} thing @returns {string} a sentence about one that cannot be shown */
export function goneText({ kind, id }) {
  if (kind === "agent") return `${GONE.agent}: ${id}`;
  return `${kind[0].toUpperCase()}${kind.slice(1)} ${id} ${GONE[kind] ?? "is not there any more"}.`;
}
