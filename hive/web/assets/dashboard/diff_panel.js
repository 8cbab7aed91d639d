// @ts-check
/** What an approval would change, in the side panel: its files, its lines, and what is said of them. */

import { getJson, sentence } from "../shared/api.js";
import { sidePanel } from "../shared/dialog.js";
import { el, setText } from "../shared/dom.js";
import { revealed } from "../shared/odd.js";
import { DiffCursor } from "./diff_cursor.js";
import { countOf, drawnLines, fileView } from "./diff_file.js";
import { drawLines, loadMarks } from "./diff_lines.js";
import { switches } from "./diff_switches.js";
import { filesOf, summaryOf } from "./diff_text.js";
import { keepViewed, viewedOf } from "./diff_viewed.js";
import { Notes } from "./review_notes.js";
import { approvalDiff } from "./urls.js";
import { approvalTitle, outcomeOf, shortSha } from "./words.js";

/** @typedef {import("../shared/wire.js").Approval} Approval */
/** @typedef {import("../shared/wire.js").Diff} Diff */
/** @typedef {import("./diff_file.js").FileView} FileView */
/** @typedef {import("./diff_text.js").FilePart} FilePart */
/** @typedef {{id: number, conclude: (one: Approval) => void, comments: () => void}} Open what frames are told to */

/** @type {Record<string, string>} */
const NO_BASE = {
  running: "nothing of it runs yet, so all of it is new",
  approved: "nothing of it was approved before, so all of it is new",
  queued: "no proposal waits before this one, so all of it is shown",
  reviewed: "nothing of it ran then, so all of it is new",
};
const UNSEEN_SHOWN = 500;
const HELP = "↑↓ lines · j k hunks · n p files · c comment · x viewed · s side by side · w white space";

/**
 * @param {Approval} one @param {HTMLFormElement[]} decisions stand at the foot
 * @param {(open: Open | null) => void} follow is told whom frames concern
 */
export async function diffPanel(one, decisions, follow) {
  const view = new Review(one, decisions.length > 0);
  const fate = el("p", { class: "wrap", role: "status" });
  const foot = decisions.length > 0 && el("footer", { class: "row" }, ...decisions, fate);
  if (foot) view.root.append(foot);
  const dialog = sidePanel(`${approvalTitle(one)} · #${one.id}`, view.root);
  dialog.classList.add("review");
  dialog.addEventListener("hive:done", (event) => {
    if (event.target instanceof Node && foot && foot.contains(event.target)) dialog.close();
  });
  dialog.addEventListener("keydown", (event) => view.cursor.press(event));
  follow({
    id: one.id,
    conclude: (now) => {
      const hadFocus = decisions.some((form) => form.contains(document.activeElement));
      for (const form of decisions) form.hidden = true;
      fate.replaceChildren(`It is ${outcomeOf(now.status)[2]}${now.note ? ": " : "."}`, ...revealed(now.note ?? ""));
      view.close();
      if (hadFocus) dialog.querySelector("button")?.focus();
    },
    comments: () => void view.notes.load(),
  });
  dialog.addEventListener("close", () => {
    view.stop();
    follow(null);
  });
  await Promise.all([view.notes.load(), loadMarks().then(() => view.show())]);
}

class Review {
  /** @param {Approval} one @param {boolean} isOpen */
  constructor(one, isOpen) {
    this._id = one.id;
    this._isOpen = isOpen;
    this._viewed = viewedOf(one.id);
    /** @type {FileView[]} */
    this._files = [];
    /** @type {import("./review_notes.js").Shown | null} */
    this._shown = null;
    this._drawing = new AbortController();
    this._about = el("p", { class: "muted diff-about", role: "status" });
    this._body = el("div", { class: "diff-body", tabindex: "0", role: "region", "aria-label": "changes" });
    this._switches = switches(!isOpen && one.comments > 0, () => void this.show());
    this.notes = new Notes(one, { isOpen: () => this._isOpen, shown: () => this._shown, go: (line) => this._goTo(line) });
    this.cursor = new DiffCursor(this._body, {
      comment: (line) => this._comment(line),
      canComment: () => this._isOpen,
      keys: {
        n: () => this._step(1),
        p: () => this._step(-1),
        x: () => this._current()?.toggleViewed(),
        s: this._switches.toggleSplit,
        w: this._switches.toggleSpace,
      },
    });
    this._list = el("ul", { class: "stack compact" });
    this._listed = el("summary", {});
    const files = el("details", { class: "diff-list" }, this._listed, this._list);
    const help = el("p", { class: "muted hint keys" }, HELP);
    this.root = el("div", { class: "diff-frame" }, this._switches.root, this._about, this.notes.status, files, this.notes.root, this._body, help);
  }

  /** It was decided: what is said of it stays as it is. */
  close() {
    this._isOpen = false;
    void this.notes.load();
  }

  /** Draw no more. */
  stop() {
    this._drawing.abort();
  }

  async show() {
    this.stop();
    const mine = (this._drawing = new AbortController());
    this._switches.tell();
    const base = this._switches.base();
    const ignoresSpace = this._switches.ignoresSpace();
    setText(this._about, "…");
    try {
      const diff = /** @type {Diff} */ (await getJson(approvalDiff(this._id, base, ignoresSpace)));
      if (mine.signal.aborted) return;
      this._shown = { base, diff, ignoresSpace };
      this._about.replaceChildren(...aboutOf(diff, base));
      await this._draw(diff, mine.signal);
    } catch (error) {
      if (mine.signal.aborted) return;
      this._shown = null;
      this._about.replaceChildren(el("span", { class: "form-error" }, sentence(error)));
      this._body.replaceChildren();
    }
  }

  /** @param {Diff} diff @param {AbortSignal} signal */
  async _draw(diff, signal) {
    const parts = filesOf(diff.text);
    const isSplit = this._switches.isSplit();
    const clock = { until: performance.now() + 8 };
    this.notes.forget();
    this._files = [];
    this._list.replaceChildren();
    this._body.replaceChildren(...(diff.files.length === 0 ? [el("p", { class: "empty" }, "Both trees are the same: nothing would change.")] : []));
    this._body.classList.toggle("is-split", isSplit);
    this._body.scrollTop = 0;
    const stats = new Map(diff.files.map((file) => [file.path, file]));
    for (const part of parts) {
      const file = this._file(part, diff, stats);
      await drawLines(file.lines, drawnLines(part), isSplit, clock, signal, (row) => this.notes.drawn(part.path, row));
      if (signal.aborted) return;
    }
    this._body.append(...restOf(diff, parts, this._shown?.ignoresSpace === true));
    this._summarise();
    this.notes.settle();
  }

  /** @param {FilePart} part @param {Diff} diff @param {Map<string, import("../shared/wire.js").FileStat>} stats */
  _file(part, diff, stats) {
    const file = fileView(part, stats.get(part.path), {
      moved: movedOf(diff, part.path),
      isViewed: this._viewed.has(part.path),
      onViewed: (isViewed) => this._mark(part.path, isViewed),
    });
    this._files.push(file);
    this._body.append(file.root);
    const go = el("button", { type: "button", class: "link wrap" }, ...revealed(part.path));
    go.addEventListener("click", () => this._goFile(file));
    this._list.append(el("li", { class: "row", "data-file": part.path }, go, countOf(stats.get(part.path))));
    this._summarise();
    return file;
  }

  /** @param {string} path @param {boolean} isViewed */
  _mark(path, isViewed) {
    if (isViewed) this._viewed.add(path);
    else this._viewed.delete(path);
    keepViewed(this._id, this._viewed);
    this._summarise();
  }

  _summarise() {
    const viewed = this._files.filter((file) => file.isViewed()).length;
    setText(this._listed, `${this._files.length} file${this._files.length === 1 ? "" : "s"}${viewed ? ` · ${viewed} viewed` : ""}`);
  }

  /** @param {HTMLElement} line */
  _comment(line) {
    const path = line.closest(".diff-file")?.getAttribute("data-path");
    if (path !== null && path !== undefined) this.notes.begin(path, line);
  }

  /** @param {HTMLElement} line */
  _goTo(line) {
    this._files.find((file) => file.root.contains(line))?.setOpen(true);
    this.cursor.go(line);
  }

  /** @param {FileView} file */
  _goFile(file) {
    file.root.scrollIntoView({ block: "start" });
    file.fold.focus({ preventScroll: true });
  }

  /** The file the reader is in, else the first. */
  _current() {
    const at = document.activeElement ?? this.cursor.line;
    return this._files.find((file) => file.root.contains(at)) ?? this._files.find((file) => file.root.contains(this.cursor.line)) ?? this._files[0];
  }

  /** @param {1 | -1} by */
  _step(by) {
    const isInside = this._files.some((file) => file.root.contains(document.activeElement));
    const now = this._current();
    const at = now && isInside ? this._files.indexOf(now) + by : 0;
    const next = this._files[Math.min(Math.max(at, 0), this._files.length - 1)];
    if (next) this._goFile(next);
  }
}

/** @param {Diff} diff @param {string} base */
function aboutOf(diff, base) {
  const against = diff.base_sha ? ` against ${diff.base_ref} (${shortSha(diff.base_sha)})` : `; ${NO_BASE[base]}`;
  return [`${summaryOf(diff.files)} in `, el("code", { title: diff.sha }, shortSha(diff.sha)), against];
}

/** @param {Diff} diff @param {string} path @returns {string | null} where it was before, or is now */
function movedOf(diff, path) {
  const from = diff.moved?.find((one) => one.new === path);
  if (from) return `moved from ${from.old}, ${from.likeness} % the same`;
  const to = diff.moved?.find((one) => one.old === path);
  return to ? `moved to ${to.new}` : null;
}

/** @param {Diff} diff @param {FilePart[]} parts @param {boolean} ignoresSpace @returns {HTMLElement[]} what has no lines here */
function restOf(diff, parts, ignoresSpace) {
  const unseen = diff.files.filter((file) => !parts.some((part) => part.path === file.path));
  if (unseen.length === 0 && !diff.is_truncated) return [];
  const why = diff.is_truncated
    ? el("p", { class: "form-error" }, "This is not all: the rest is too long to be shown. Look at it with git on the host.")
    : el("p", { class: "muted" }, ignoresSpace ? "In these only white space differs:" : "Of these no line differs:");
  return [why, el("ul", { class: "unseen" }, ...unseen.slice(0, UNSEEN_SHOWN).map(unseenRow))];
}

/** @param {import("../shared/wire.js").FileStat} file */
function unseenRow(file) {
  return el("li", { class: "row" }, el("code", { class: "wrap" }, ...revealed(file.path)), countOf(file));
}
