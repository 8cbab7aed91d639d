// @ts-check
/** One file of a diff: what is said of it in its head, and whether it is open or viewed. */

import { el, setAttr, setText } from "../shared/dom.js";
import { revealed } from "../shared/odd.js";

/** @typedef {import("../shared/wire.js").FileStat} FileStat */
/** @typedef {import("./diff_text.js").FilePart} FilePart */
/**
 * @typedef {{
 *   path: string, root: HTMLElement, lines: HTMLElement, fold: HTMLButtonElement,
 *   isViewed: () => boolean, setOpen: (isOpen: boolean) => void, toggleViewed: () => void
 * }} FileView
 */

/** @type {Record<string, string>} */
const MODES = { 100644: "a plain file", 100755: "a program", 120000: "a link", 160000: "a submodule" };

/**
 * @param {FilePart} part @param {FileStat | undefined} stat
 * @param {{moved: string | null, isViewed: boolean, onViewed: (isViewed: boolean) => void}} about
 * @returns {FileView}
 */
export function fileView(part, stat, about) {
  const sign = el("span", { "aria-hidden": "true" }, "▾");
  const fold = el("button", { type: "button", class: "fold", "aria-expanded": "true" }, sign, el("code", { class: "wrap" }, ...revealed(part.path)));
  const box = el("input", { type: "checkbox", checked: about.isViewed });
  const lines = el("div", { class: "lines" });
  const said = about.moved ? [...changesOf(part), about.moved] : changesOf(part);
  const head = el(
    "div",
    { class: "file-head" },
    fold,
    ...said.map((word) => el("span", { class: "chip" }, ...revealed(word))),
    countOf(stat),
    el("label", { class: "viewed" }, box, "viewed"),
  );
  const root = el("section", { class: "diff-file", "aria-label": part.path, "data-path": part.path }, head, lines);
  const setOpen = (/** @type {boolean} */ isOpen) => {
    lines.hidden = !isOpen;
    setAttr(fold, "aria-expanded", String(isOpen));
    setText(sign, isOpen ? "▾" : "▸");
  };
  const tell = () => {
    setOpen(!box.checked);
    about.onViewed(box.checked);
  };
  fold.addEventListener("click", () => setOpen(Boolean(lines.hidden)));
  box.addEventListener("change", tell);
  setOpen(!about.isViewed);
  return {
    path: part.path, root, lines, fold, setOpen,
    isViewed: () => box.checked,
    toggleViewed: () => {
      box.checked = !box.checked;
      tell();
    },
  };
}

/** What changes of a file beside its lines, in words. @param {FilePart} part @returns {string[]} */
export function changesOf(part) {
  const said = part.lines.filter((line) => line.kind === "about").map((line) => line.text);
  const mode = (/** @type {string} */ what) => said.find((text) => text.startsWith(`${what} `))?.slice(what.length + 1) ?? "";
  const kind = (/** @type {string} */ bits) => MODES[bits] ?? `mode ${bits}`;
  /** @type {string[]} */
  const found = [];
  const made = mode("new file mode");
  if (made) found.push(made === "100644" ? "new" : `new, ${kind(made)}`);
  const gone = mode("deleted file mode");
  if (gone) found.push(gone === "100644" ? "removed" : `removed, was ${kind(gone)}`);
  if (mode("old mode")) found.push(`was ${kind(mode("old mode"))}, becomes ${kind(mode("new mode"))}`);
  if (said.some((text) => text.startsWith("Binary files "))) found.push("not text");
  return found;
}

/** @param {FileStat | undefined} file */
export function countOf(file) {
  if (!file) return null;
  if (file.added === null || file.removed === null) return el("span", { class: "muted push" }, "not text");
  return el("span", { class: "counts push" }, el("span", { class: "add" }, `+${file.added}`), " ", el("span", { class: "del" }, `−${file.removed}`));
}

const HEADS = /^(new file mode|deleted file mode|old mode|new mode|Binary files) /;

/** What of a file is drawn as lines: its head says the rest. @param {FilePart} part */
export function drawnLines(part) {
  return part.lines.filter((line) => line.kind !== "about" || !HEADS.test(line.text));
}
