// @ts-check
/** The lines of a growing log, told by their offsets: each once, and a gap is noticed. Pure. */

export class LogTail {
  constructor() {
    /** How many lines are there. */
    this.have = 0;
  }

  /**
   * @param {number} offset how many lines the log held before these @param {readonly string[]} lines
   * @returns {string[] | null} those that are new; null when some before them are missing
   */
  take(offset, lines) {
    if (offset > this.have) return null;
    const fresh = lines.slice(this.have - offset);
    this.have += fresh.length;
    return fresh;
  }
}
