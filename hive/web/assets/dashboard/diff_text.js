// @ts-check
/** A unified diff of git, cut into files and lines. Pure. */

/** @typedef {{kind: "hunk" | "add" | "del" | "same" | "about", text: string}} Line */
/** @typedef {{path: string, lines: Line[]}} FilePart */

/**
 * @param {string} text
 * @returns {FilePart[]} per file; a line of content always has a sign before it, so nothing that
 *   a file says can begin a file or a hunk
 */
export function filesOf(text) {
  /** @type {FilePart[]} */
  const files = [];
  let isHead = true;
  for (const line of text.replace(/\n$/, "").split("\n")) {
    if (line.startsWith("diff --git ")) {
      files.push({ path: pathOf(line), lines: [] });
      isHead = true;
      continue;
    }
    if (files.length === 0) {
      if (line === "") continue;
      files.push({ path: "", lines: [] });
    }
    const file = files[files.length - 1];
    if (line.startsWith("@@")) isHead = false;
    const found = isHead ? headLine(line) : bodyLine(line);
    if (found) file.lines.push(found);
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

/** Of a head only what the list of files does not tell. @param {string} line @returns {Line | null} */
function headLine(line) {
  if (/^(index|---|\+\+\+) ?/.test(line)) return null;
  return { kind: "about", text: line };
}

/** @param {string} line @returns {Line} */
function bodyLine(line) {
  const sign = line[0];
  if (line.startsWith("@@")) return { kind: "hunk", text: line };
  if (sign === "+") return { kind: "add", text: line.slice(1) };
  if (sign === "-") return { kind: "del", text: line.slice(1) };
  if (sign === "\\") return { kind: "about", text: line.slice(2) };
  return { kind: "same", text: line.slice(1) };
}

/** @param {readonly import("../shared/wire.js").FileStat[]} files @returns {string} "2 files +14 −3" */
export function summaryOf(files) {
  if (files.length === 0) return "no change";
  const sum = (/** @type {"added" | "removed"} */ side) => files.reduce((all, file) => all + (file[side] ?? 0), 0);
  return `${files.length} file${files.length === 1 ? "" : "s"} +${sum("added")} −${sum("removed")}`;
}
