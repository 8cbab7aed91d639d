// @ts-check
/** What a tab keeps over a reload and another tab does not know: filters, mostly. */

/** @param {string} name @returns {string | null} */
export function kept(name) {
  try {
    return sessionStorage.getItem(`hive-${name}`);
  } catch {
    return null; // storage is forbidden in this browser: nothing is kept
  }
}

/** @param {string} name @param {string} value */
export function keep(name, value) {
  try {
    sessionStorage.setItem(`hive-${name}`, value);
  } catch {
    return; // as above
  }
}
