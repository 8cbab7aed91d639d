// @ts-check
/** A search as it is written, and as it was read: one is made from the other. Pure. */

/** @typedef {{text: string, is_prefix: boolean}} Term */
/** @typedef {{key: string, value: string}} Chip */
/**
 * @typedef {{
 *   kind: string, id: number, at: number, text: string, marks: [number, number][], href: string,
 *   agent: string | null, from: string | null, to: string | null, in_reply_to: number | null,
 *   origin: string | null, label: string | null
 * }} Hit
 * @typedef {{
 *   hits: Hit[], next: string | null, unindexed: number, terms: Term[], chips: Chip[],
 *   faults: {where: string, why: string, back_to: number | null}[]
 * }} Answer
 */

/** @param {string} value */
const quoted = (value) => (/[\s"]/.test(value) || value === "" ? `"${value}"` : value);

/** @param {Term} term */
function wordOf(term) {
  const bare = /[\s:*]/.test(term.text) ? `"${term.text}"` : term.text;
  return term.is_prefix ? `${bare}*` : bare;
}

/** @param {readonly Term[]} terms @param {readonly Chip[]} chips @returns {string} that is read as these */
export function written(terms, chips) {
  return [...terms.map(wordOf), ...chips.map((chip) => `${chip.key}:${quoted(chip.value)}`)].join(" ");
}

/** @param {readonly Chip[]} chips @param {string} key @param {string} value "" for none @returns {Chip[]} */
export function withChip(chips, key, value) {
  const others = chips.filter((chip) => chip.key !== key);
  return value ? [...others, { key, value }] : others;
}

/**
 * @param {string} text @param {readonly [number, number][]} marks in characters, rising
 * @returns {{text: string, isMarked: boolean}[]}
 */
export function pieces(text, marks) {
  const letters = [...text];
  const found = [];
  let end = 0;
  for (const [from, to] of marks) {
    if (from > end) found.push({ text: letters.slice(end, from).join(""), isMarked: false });
    found.push({ text: letters.slice(from, to).join(""), isMarked: true });
    end = to;
  }
  if (end < letters.length) found.push({ text: letters.slice(end).join(""), isMarked: false });
  return found;
}

/** @param {string} search of the page's address @returns {string} what is looked for, "" for nothing */
export function askedIn(search) {
  return new URLSearchParams(search).get("q") ?? "";
}

/** @param {string} query @param {string} hash @returns {string} the address that asks for it */
export function addressOf(query, hash) {
  return query ? `/?q=${encodeURIComponent(query)}${hash}` : `/${hash}`;
}

/** @param {string} hash @returns {number | null} the message that an address names */
export function messageIn(hash) {
  const found = /^#message-(\d{1,15})$/.exec(hash);
  return found ? Number(found[1]) : null;
}
