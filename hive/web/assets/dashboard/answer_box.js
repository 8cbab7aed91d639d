// @ts-check
/** The box at the foot of a thread: what it answers, and who gets that, stands above it. */

import { post, sentence } from "../shared/api.js";
import { el, keyed, setAttr, setText } from "../shared/dom.js";
import { draftOf, keepDraft } from "../shared/drafts.js";
import { growing } from "../shared/form.js";
import { bodyProblem } from "../shared/names.js";
import { toast } from "../shared/toast.js";
import { parties } from "./thread_tree.js";
import { SEND } from "./urls.js";

/** @typedef {import("../shared/wire.js").MessageRow} MessageRow */

export class AnswerBox {
  /** @param {string[]} names of those who can be written to */
  constructor(names) {
    this._names = names;
    /** @type {MessageRow | null} */
    this._target = null;
    /** @type {Set<string>} who gets the answer */
    this._meant = new Set();
    this._isSending = false;
    this._draft = "";
    this._what = el("p", { class: "muted wrap" });
    this._to = el("div", { class: "row narrow", role: "group", "aria-label": "Who gets the answer" });
    this._area = el("textarea", { rows: 1, id: "thread-answer", "aria-label": "Your answer", placeholder: "answer…" });
    this._send = el("button", { class: "go" }, "↵ ", el("span", { class: "word" }, "Send"));
    this._problem = el("p", { class: "form-error", role: "alert", hidden: true });
    const entry = el("div", { class: "entry" }, this._area, this._send);
    this.root = el("form", { class: "prompt thread-box", hidden: true }, this._what, this._to, entry, this._problem);
    this._grow = growing(this._area, () => this.root.requestSubmit());
    this._area.addEventListener("input", () => this._keep());
    this.root.addEventListener("submit", (event) => {
      event.preventDefault();
      void this._submit();
    });
  }

  /** What was typed outlives the panel and the page. */
  _keep() {
    keepDraft(this._draft, this._area.value);
  }

  /** @param {MessageRow | null} target @param {string} draft the name of what was typed before */
  open(target, draft) {
    this._draft = draft;
    this._area.value = draftOf(draft);
    this.root.hidden = false;
    this.aim(target);
    this._grow();
  }

  /** @param {MessageRow | null} target what it answers from now on @param {boolean} [isWanted] now */
  aim(target, isWanted = false) {
    const isNew = target !== this._target;
    this._target = target;
    const found = parties(target, this._names);
    if (isNew) this._meant = new Set(found.filter((one) => one.isMeant).map((one) => one.name));
    keyed(this._to, found, (one) => one.name, (one) => this._party(one.name));
    setText(this._what, this._words(found.length));
    setAttr(this._send, "aria-disabled", this._whom().length > 0 ? null : "true");
    if (isWanted) this._area.focus();
  }

  /** @param {string[]} names who can be written to now @returns {boolean} whether they are others */
  know(names) {
    if (names.join() === this._names.join()) return false;
    this._names = names;
    this.aim(this._target);
    return true;
  }

  /** @param {MessageRow} row */
  canAnswer(row) {
    return parties(row, this._names).length > 0;
  }

  _whom() {
    return parties(this._target, this._names).map((one) => one.name).filter((name) => this._meant.has(name));
  }

  /** @param {number} count of those it could go to */
  _words(count) {
    if (this._target === null) return "That message is not there any more.";
    if (count === 0) return "This message has nobody to answer: choose “↳ answer” at one of an agent.";
    const { id, from, to } = this._target;
    return `↳ answers #${id}, ${from} to ${to}; goes to ${this._whom().join(" and ") || "nobody yet"}`;
  }

  /** @param {string} name */
  _party(name) {
    const box = el("input", { type: "checkbox", name: "to", value: name });
    box.addEventListener("change", () => {
      if (box.checked) this._meant.add(name);
      else this._meant.delete(name);
      this.aim(this._target);
    });
    const root = el("label", { class: "option chip" }, box, `@${name}`);
    return { root, update: () => void (box.checked = this._meant.has(name)) };
  }

  async _submit() {
    const body = this._area.value.trim();
    const to = this._whom();
    if (!body || this._target === null || to.length === 0 || this._isSending) return;
    const problem = bodyProblem(body);
    if (problem) return this._say(problem);
    this._isSending = true;
    setAttr(this._send, "aria-busy", "true");
    const typed = this._area.value;
    try {
      await post(SEND, { to: to.join(","), body, in_reply_to: String(this._target.id) });
      if (this._area.value === typed) this._area.value = "";
      this._keep();
      this._grow();
      this._say("");
      toast(`Sent to ${to.join(" and ")}.`);
    } catch (error) {
      this._say(sentence(error));
    } finally {
      this._isSending = false;
      setAttr(this._send, "aria-busy", null);
    }
  }

  /** @param {string} text what is wrong */
  _say(text) {
    setText(this._problem, text);
    this._problem.hidden = text === "";
  }
}
