// @ts-check
/** Comments on lines of a diff: written, changed, removed and shown where they belong. */

import { getJson, post, sentence } from "../shared/api.js";
import { el, keyed, setText } from "../shared/dom.js";
import { drafted, draftsBelow, keepDraft } from "../shared/drafts.js";
import { growing } from "../shared/form.js";
import { revealed, upright } from "../shared/odd.js";
import { comment, comments, dropComment, editComment } from "./urls.js";

/** @typedef {import("../shared/wire.js").Comment} Comment */
/** @typedef {import("../shared/wire.js").Diff} Diff */
/** @typedef {{path: string, side: string, line: number}} Place */
/** @typedef {{root: HTMLElement, list: HTMLElement, form: HTMLFormElement | null}} Box below a line */
/** @typedef {{base: string, diff: Diff, ignoresSpace: boolean}} Shown */

/** @param {Place} at */
const keyOf = (at) => JSON.stringify([at.path, at.side, at.line]);
/** @param {Place} at @returns {string} */
export const placeName = (at) => `${at.path}:${at.line}${at.side === "old" ? " (as it was)" : ""}`;

export class Notes {
  /**
   * @param {{id: number, fetched_sha: string | null}} approval
   * @param {{isOpen: () => boolean, shown: () => Shown | null, go: (line: HTMLElement) => void}} hooks
   */
  constructor({ id, fetched_sha: sha }, hooks) {
    this._id = id;
    /** What is being written is kept by this and its place, or the comment that it changes. */
    this._drafts = `comment ${id} ${sha} `;
    this._isRestored = false;
    this._hooks = hooks;
    /** @type {Comment[]} */
    this.all = [];
    /** @type {Map<string, HTMLElement>} */
    this._lines = new Map();
    /** @type {Map<string, Box>} */
    this._boxes = new Map();
    this._items = el("ul", { class: "stack" });
    this._count = el("span", {}, "");
    this._error = el("p", { class: "form-error", role: "alert", hidden: true });
    this.root = el("details", { class: "notes", hidden: true }, el("summary", {}, this._count), this._items);
    this.status = this._error;
  }

  /** Read them again; what is being written stays. */
  async load() {
    try {
      this.all = (await getJson(comments(this._id))).comments;
      this._error.hidden = true;
    } catch (error) {
      setText(this._error, `The comments cannot be read: ${sentence(error)}`);
      this._error.hidden = false;
      return;
    }
    this._restore();
    this.settle();
  }

  /** What was being written when the page was left is gone on with, where it was. */
  _restore() {
    if (this._isRestored || !this._hooks.isOpen()) return;
    this._isRestored = true;
    for (const name of draftsBelow(this._drafts)) {
      const [path, side, line, changed] = JSON.parse(name);
      const old = this.all.find((one) => one.id === changed && one.sent_at === null) ?? null;
      if (changed !== null && old === null) keepDraft(this._drafts + name, "");
      else this._write({ path, side, line }, old);
    }
  }

  /** Another diff is about to be drawn. */
  forget() {
    this._lines.clear();
  }

  /** @param {string} path @param {HTMLElement} row that was drawn: a line, or two beside each other */
  drawn(path, row) {
    const cells = row.matches(".can") ? [row] : row.querySelectorAll(".can");
    for (const cell of /** @type {Iterable<HTMLElement>} */ (cells)) {
      const at = { path, side: cell.dataset.side ?? "", line: Number(cell.dataset.line) };
      this._lines.set(keyOf(at), cell);
      // A line that did not change is on both sides; one below the other it stands once.
      if (cell.dataset.other) this._lines.set(keyOf({ path, side: "old", line: Number(cell.dataset.other) }), cell);
      this._place(keyOf(at));
      if (cell.dataset.other) this._place(keyOf({ path, side: "old", line: Number(cell.dataset.other) }));
    }
  }

  /** Put every comment where it belongs, and the list of all of them in order. */
  settle() {
    for (const one of this.all) this._place(keyOf(one));
    for (const key of this._boxes.keys()) this._place(key);
    keyed(this._items, this.all, (one) => String(one.id), (one) => this._item(one));
    this.root.hidden = this.all.length === 0;
    setText(this._count, `${this.all.length} comment${this.all.length === 1 ? "" : "s"} on lines`);
  }

  /** Begin a comment on a line, or go on with the one that was begun. @param {string} path @param {HTMLElement} line */
  begin(path, line) {
    const at = { path, side: line.dataset.side ?? "new", line: Number(line.dataset.line) };
    const form = this._write(at, null);
    this._place(keyOf(at));
    form.querySelector("textarea")?.focus();
  }

  /** @param {Place} at @param {Comment | null} old what is changed; else a new one is begun, or gone on with */
  _write({ path, side, line }, old) {
    const at = { path, side, line };
    const box = this._boxAt(keyOf(at));
    if (old) box.form?.remove();
    const form = old || !box.form ? this._form(at, box, old) : box.form;
    box.form = form;
    box.root.append(form);
    return form;
  }

  /** @param {string} key @returns {Box} */
  _boxAt(key) {
    const found = this._boxes.get(key);
    if (found) return found;
    const list = el("ul", { class: "stack" });
    const made = { root: el("div", { class: "said" }, list), list, form: null };
    this._boxes.set(key, made);
    return made;
  }

  /** @param {string} key */
  _place(key) {
    const mine = this.all.filter((one) => keyOf(one) === key && this._isShown(one));
    const known = this._boxes.get(key);
    if (mine.length === 0 && !known) return;
    const box = this._boxAt(key);
    keyed(box.list, mine, (one) => String(one.id), (one) => this._card(one));
    box.list.hidden = mine.length === 0;
    const line = this._lines.get(key);
    if (!line || (mine.length === 0 && !box.form)) return box.root.remove();
    const row = line.closest(".pair") ?? line;
    if (box.root.previousElementSibling !== row) row.after(box.root);
  }

  /** What was said of a file as it was is about that one alone. @param {Comment} one */
  _isShown(one) {
    const shown = this._hooks.shown();
    return shown !== null && (one.side === "new" || one.base_sha === shown.diff.base_sha);
  }

  /** @param {Comment} one of the list at the top */
  _item(one) {
    const words = el("span", { class: "muted wrap" });
    const go = el("button", { type: "button", class: "link" }, ...revealed(placeName(one)));
    const root = el("li", { class: "note" }, go, " ", words, el("code", { class: "quote wrap" }, ...revealed(one.quote)));
    go.addEventListener("click", () => {
      const line = this._lines.get(keyOf(one));
      if (line && this._isShown(one)) this._hooks.go(line);
    });
    return {
      root,
      update: (/** @type {Comment} */ now) => {
        words.replaceChildren(...upright(now.text));
        const line = this._lines.get(keyOf(now));
        const isHere = Boolean(line) && this._isShown(now);
        go.disabled = !isHere;
        go.title = isHere ? "Go there" : `It was said beside ${now.base_ref || "nothing"}, which is not shown now`;
      },
    };
  }

  /** @param {Comment} one below its line */
  _card(one) {
    const words = el("p", { class: "wrap said-text" });
    const edit = el("button", { type: "button", class: "calm" }, "Edit");
    const drop = el("button", { type: "button", class: "calm danger" }, "Remove");
    const told = el("span", { class: "muted" });
    const tools = el("div", { class: "row" }, told, edit, drop);
    const root = el("li", { class: "card said-card" }, words, tools);
    let now = one;
    edit.addEventListener("click", () => this._write(now, now).querySelector("textarea")?.focus());
    drop.addEventListener("click", () => void this._do(root, () => post(dropComment(now.id))));
    return {
      root,
      update: (/** @type {Comment} */ newer) => {
        now = newer;
        words.replaceChildren(...upright(newer.text));
        setText(told, newer.sent_at ? "sent with the decision" : this._hooks.isOpen() ? "goes out with the decision" : "was never sent");
        edit.hidden = drop.hidden = newer.sent_at !== null || !this._hooks.isOpen();
      },
    };
  }

  /** @param {Place} at @param {Box} box @param {Comment | null} old @returns {HTMLFormElement} */
  _form(at, box, old) {
    const area = el("textarea", { rows: 2, maxlength: 2000, required: true });
    const draft = this._drafts + JSON.stringify([at.path, at.side, at.line, old?.id ?? null]);
    area.value = old?.text ?? "";
    drafted(area, draft);
    const save = el("button", { class: "go primary" }, old ? "Save" : "Comment");
    const no = el("button", { type: "button" }, "Cancel");
    const name = el("span", {}, old ? "Change what is said of " : "Say of ", el("code", {}, ...revealed(placeName(at))));
    const form = el(
      "form",
      { class: "stack said-form" },
      el("label", { class: "field" }, name, area),
      el("div", { class: "row" }, save, no, el("span", { class: "muted" }, "Ctrl+Enter keeps it")),
    );
    const grow = growing(area, () => undefined);
    const close = () => {
      keepDraft(draft, "");
      form.remove();
      if (box.form === form) box.form = null;
      this._place(keyOf(at));
      const line = this._lines.get(keyOf(at));
      if (line) this._hooks.go(line);
    };
    // A newline belongs into a comment: what sends it is Ctrl+Enter.
    area.addEventListener("keydown", (event) => this._typed(event, form, area, old?.text ?? "", close), true);
    no.addEventListener("click", close);
    form.addEventListener("submit", (event) => {
      event.preventDefault();
      void this._do(form, async () => {
        await (old ? post(editComment(old.id), { text: area.value }) : this._keep(at, area.value));
        close();
      });
    });
    queueMicrotask(grow);
    return form;
  }

  /** @param {KeyboardEvent} event @param {HTMLFormElement} form @param {HTMLTextAreaElement} area @param {string} before @param {() => void} close */
  _typed(event, form, area, before, close) {
    if (event.key === "Enter") {
      event.stopImmediatePropagation();
      if (!event.ctrlKey && !event.metaKey) return;
      event.preventDefault();
      form.requestSubmit();
    } else if (event.key === "Escape") {
      // What was typed is not thrown away by a key that closes panels.
      event.preventDefault();
      event.stopPropagation();
      if (area.value === before) close();
    }
  }

  /** @param {Place} at @param {string} text */
  async _keep(at, text) {
    const shown = this._hooks.shown();
    if (!shown) return;
    const { base, diff, ignoresSpace } = shown;
    await post(comment(this._id), {
      path: at.path, side: at.side, line: String(at.line), text, base, sha: diff.sha,
      ...(diff.base_sha ? { base_sha: diff.base_sha } : {}),
      ...(ignoresSpace ? { ignore_space: "true" } : {}),
    });
  }

  /** @param {HTMLElement} place of an error @param {() => Promise<unknown>} work */
  async _do(place, work) {
    place.querySelector(".form-error")?.remove();
    try {
      await work();
      await this.load();
    } catch (error) {
      place.append(el("p", { class: "form-error", role: "alert" }, sentence(error)));
    }
  }
}
