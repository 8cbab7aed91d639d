// @ts-check
/** The lines of a growing log, told by their offsets: each once, and a gap is noticed. Pure. */

/** A log that grew too long begins with this line, which stands for all before it. */
const LEFT_OUT = /^\((\d{1,9}) earlier lines were left out\)$/;

export class LogTail {
  constructor() {
    /** How many lines were said so far. */
    this.have = 0;
  }

  /** @param {readonly string[]} lines the whole log, as it is kept */
  begin(lines) {
    const cut = LEFT_OUT.exec(lines[0] ?? "");
    this.have = cut ? Number(cut[1]) + lines.length - 1 : lines.length;
  }

  /**
   * @param {number} offset how many lines were said before these @param {readonly string[]} lines
   * @returns {string[] | null} those that are new; null when some before them are missing
   */
  take(offset, lines) {
    if (offset > this.have) return null;
    const fresh = lines.slice(this.have - offset);
    this.have += fresh.length;
    return fresh;
  }
}
