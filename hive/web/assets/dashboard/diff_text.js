// @ts-check
/**
 * A unified diff of git, cut into files and numbered lines. Pure.
 *
 * The daemon reads the same text by the same rules (`hive/host/diff_lines.py`), and takes a comment
 * only for a line that it finds there too. What a file says always has a sign before it, and a hunk
 * holds as many lines as its head says, so nothing in a file can begin another file or hunk.
 */

/**
 * @typedef {{kind: "hunk" | "add" | "del" | "same" | "about", text: string, old?: number, new?: number}} Line
 *   with its number in the file as it was and as it would be, where it is there
 * @typedef {{path: string, lines: Line[]}} FilePart
 */

const HUNK = /^@@ -([0-9]+)(?:,([0-9]+))? \+([0-9]+)(?:,([0-9]+))? @@ ?/;

/** @param {string} text @returns {FilePart[]} per file; its end may be cut off */
export function filesOf(text) {
  /** @type {FilePart[]} */
  const files = [];
  const at = { old: 0, new: 0, oldLeft: 0, newLeft: 0 };
  let isHead = true;
  for (const line of text.replace(/\n$/, "").split("\n")) {
    const isInside = at.oldLeft > 0 || at.newLeft > 0;
    if (!isInside && line.startsWith("diff --git ")) {
      files.push({ path: pathOf(line), lines: [] });
      isHead = true;
      continue;
    }
    if (files.length === 0) {
      if (line === "") continue;
      files.push({ path: "", lines: [] });
    }
    const head = isInside ? null : HUNK.exec(line);
    if (head) isHead = false;
    const found = head ? begin(at, head, line) : isHead ? headLine(line) : bodyLine(at, line);
    if (found) files[files.length - 1].lines.push(found);
  }
  return files;
}

/**
 * Both halves are the same path, as nothing is shown as renamed: no place in between is looked for,
 * because a path may hold whatever would stand there.
 * @param {string} line "diff --git a/x b/x" @returns {string}
 */
function pathOf(line) {
  const rest = line.slice("diff --git ".length);
  const half = rest.slice((rest.length + 1) / 2);
  if (half.startsWith("b/")) return half.slice(2);
  return half.startsWith('"b/') ? half.slice(3, -1).replace(/\\(["\\])/g, "$1") : rest;
}

/** Of a head what changes beside the text. @param {string} line @returns {Line | null} */
function headLine(line) {
  if (/^(index|---|\+\+\+) ?/.test(line)) return null;
  return { kind: "about", text: line };
}

/** @typedef {{old: number, new: number, oldLeft: number, newLeft: number}} At */

/** @param {At} at @param {RegExpExecArray} head @param {string} text @returns {Line} */
function begin(at, head, text) {
  at.old = Number(head[1]);
  at.new = Number(head[3]);
  at.oldLeft = Number(head[2] ?? 1);
  at.newLeft = Number(head[4] ?? 1);
  return { kind: "hunk", text };
}

/** @param {At} at @param {string} line @returns {Line | null} */
function bodyLine(at, line) {
  const sign = line[0];
  if (sign === "\\") return { kind: "about", text: line.slice(2) };
  if (at.oldLeft <= 0 && at.newLeft <= 0) return line === "" ? null : { kind: "about", text: line };
  const kind = sign === "+" ? "add" : sign === "-" ? "del" : "same";
  /** @type {Line} */
  const found = { kind, text: line.slice(1) };
  if (sign === "-" || sign === " ") {
    found.old = at.old++;
    at.oldLeft -= 1;
  }
  if (sign === "+" || sign === " ") {
    found.new = at.new++;
    at.newLeft -= 1;
  }
  return found;
}

/** @param {string} text of a hunk's head @returns {{range: string, within: string}} what git says it is in */
export function hunkOf(text) {
  const head = HUNK.exec(text);
  return head ? { range: head[0].trim(), within: text.slice(head[0].length) } : { range: text, within: "" };
}

/** @param {readonly import("../shared/wire.js").FileStat[]} files @returns {string} "2 files +14 −3" */
export function summaryOf(files) {
  if (files.length === 0) return "no change";
  const sum = (/** @type {"added" | "removed"} */ side) => files.reduce((all, file) => all + (file[side] ?? 0), 0);
  return `${files.length} file${files.length === 1 ? "" : "s"} +${sum("added")} −${sum("removed")}`;
}
