// @ts-check
/** The box the operator writes in: a recipient that stays, `@name` for another or for several, replies. */

import { post, sentence } from "../shared/api.js";
import { el, keyed, remember, remembered, setAttr, setText } from "../shared/dom.js";
import { draftOf, keepDraft } from "../shared/drafts.js";
import { growing } from "../shared/form.js";
import { reveal } from "../shared/reveal.js";
import { BODY_BYTES, bodyProblem, byteLength } from "../shared/names.js";
import { addressed, completed, offered, spoken, written } from "./mentions.js";
import { recipients } from "./state.js";
import { suggestions } from "./suggestions.js";
import { SEND } from "./urls.js";

const COUNT_FROM = BODY_BYTES - 600;
const DRAFT = "message";
/** What it answers, as `ID NAME`. */
const DRAFT_OF = "message-answers";

export class Compose {
  constructor() {
    /** @type {string[]} */
    this._names = [];
    /** @type {{id: number, from: string} | null} */
    this._replyTo = null;
    this._isSending = false;
    // Kept here too: another tab may choose another one while somebody types in this one.
    this._wanted = remembered("recipient");
    this._to = el("select", { class: "to", id: "compose-to", "aria-label": "Recipient" });
    this._area = el("textarea", {
      id: "compose",
      rows: 1,
      "aria-label": "Message",
      "aria-describedby": "compose-hint",
      placeholder: "write a message",
    });
    this._hint = el("span", { id: "compose-hint" });
    this._problem = el("span", { class: "over", role: "alert" });
    this._reply = el("button", { type: "button", class: "reply-chip badge mauve", hidden: true });
    this._send = el("button", { class: "go" }, "↵ ", el("span", { class: "word" }, "Send"));
    this._chips = el("div", { class: "row narrow recipients", role: "group", "aria-label": "Who gets it", hidden: true });
    this._one = el("span", { class: "one" }, "@", this._to);
    this._add = el("button", { type: "button", class: "quiet add", title: "One more recipient" }, el("span", { "aria-hidden": "true" }, "+"), el("span", { class: "sr-only" }, "One more recipient"));
    this._list = suggestions(this._area, () => this._offer(), (name) => this._chosen(name));
    this.root = this._build();
    this._grow = growing(this._area, () => this.root.requestSubmit());
    this._listen();
    this._restore();
  }

  _restore() {
    this._area.value = draftOf(DRAFT);
    const [id, from] = draftOf(DRAFT_OF).split(" ");
    if (Number(id) > 0 && from) this._setReply({ id: Number(id), from });
    requestAnimationFrame(this._grow);
  }

  _build() {
    const line = el("div", { class: "entry" }, el("span", { class: "who" }, this._one, this._add, ">"), this._area, this._send);
    return el(
      "form",
      { class: "prompt" },
      this._reply,
      this._chips,
      line,
      this._list.list,
      this._list.told,
      el("div", { class: "foot" }, this._hint, this._problem),
    );
  }

  _listen() {
    // In the capture phase: the list has the first word on Enter, before it sends.
    this.root.addEventListener(
      "keydown",
      (event) => {
        if (event.target !== this._area) return;
        if (this._list.key(event)) event.stopPropagation();
        else if (event.key === "Escape" && this._replyTo) this._setReply(null);
      },
      true,
    );
    this.root.addEventListener("submit", (event) => {
      event.preventDefault();
      void this._submit();
    });
    this._area.addEventListener("input", () => {
      keepDraft(DRAFT, this._area.value);
      this._typed();
      // A name in the text takes the place of the recipient, which makes the field wider.
      this._grow();
    });
    this._to.addEventListener("change", () => this._keep(this._to.value));
    this._add.addEventListener("click", () => this._another());
    this._reply.addEventListener("click", () => {
      this._setReply(null);
      this._area.focus();
    });
  }

  /** @param {import("../shared/wire.js").DashboardState} state */
  update(state) {
    this._names = recipients(state);
    const wanted = this._wanted ?? this._names[0] ?? "manager";
    const shown = this._names.includes(wanted) ? this._names : [wanted, ...this._names];
    keyed(this._to, shown, (name) => name, (name) => ({
      root: el("option", { value: name }, name === "*" ? "everybody" : name),
      update: () => undefined,
    }));
    if (this._to.value !== wanted) this._to.value = wanted;
    this._typed();
  }

  /** @param {string} name */
  writeTo(name) {
    this._keep(name);
    this._setReply(null);
    reveal(this._area);
    this._area.focus();
    this.root.scrollIntoView({ block: "nearest" });
  }

  /** @param {{id: number, from: string}} message */
  reply(message) {
    this.writeTo(message.from);
    this._setReply({ id: message.id, from: message.from });
  }

  /** @param {string} name */
  _keep(name) {
    this._wanted = name;
    remember("recipient", name);
    if (![...this._to.options].some((option) => option.value === name)) {
      this._to.append(el("option", { value: name }, name));
    }
    this._to.value = name;
    this._typed();
  }

  /** @param {{id: number, from: string} | null} message */
  _setReply(message) {
    this._replyTo = message;
    keepDraft(DRAFT_OF, message ? `${message.id} ${message.from}` : "");
    this._reply.hidden = message === null;
    if (message) setText(this._reply, `↳ reply to #${message.id} of ${message.from} ✕`);
    setAttr(this._reply, "aria-label", message && `Replying to ${message.from}. Remove`);
  }

  _offer() {
    const { selectionStart: caret, selectionEnd: end, value } = this._area;
    return caret === end ? offered(value.slice(0, caret), this._names) : null;
  }

  /** @param {string} name */
  _chosen(name) {
    const { text, caret } = completed(this._area.value, this._area.selectionStart, name);
    this._write(text, caret);
  }

  /** Whoever gets it so far, and the list of names for one more. */
  _another() {
    const { to, body } = this._meant();
    const before = `${written(to.includes("*") ? [] : to, "")}@`.trimStart();
    this._write(`${before}${body ? ` ${body}` : ""}`, before.length);
  }

  /** @param {string} text @param {number} caret */
  _write(text, caret) {
    this._area.value = text;
    this._area.focus();
    this._area.setSelectionRange(caret, caret);
    this._area.dispatchEvent(new Event("input", { bubbles: true }));
  }

  /** Who gets what is typed, and what of it. */
  _meant() {
    return addressed(this._area.value, this._names) ?? { to: [this._to.value], body: this._area.value, odd: null };
  }

  _typed() {
    const { to, body, odd } = this._meant();
    const isNamed = addressed(this._area.value, this._names) !== null;
    this._one.hidden = isNamed;
    this._chips.hidden = !isNamed;
    keyed(this._chips, isNamed ? to : [], (name) => name, (name) => this._chip(name));
    const size = byteLength(body);
    const room = size > COUNT_FROM ? ` · ${size}/${BODY_BYTES} bytes` : "";
    const copies = to.length > 1 ? ", to each a copy" : "";
    const stays = odd === null ? "" : ` · @${odd} is nobody here and stays in the text`;
    setText(this._hint, `↵ send to ${spoken(to)}${copies} · ⇧↵ newline · @ ${isNamed ? "one more" : "another name"}${stays}${room}`);
    setText(this._problem, bodyProblem(body) ?? "");
  }

  /** @param {string} name of one who gets it */
  _chip(name) {
    const root = el("button", { type: "button", class: "badge mauve", "aria-label": `Send it to ${name}. Leave out` }, `@${name === "*" ? "everybody" : name} ✕`);
    root.addEventListener("click", () => {
      const { to, body } = this._meant();
      const left = to.filter((one) => one !== name);
      this._write(left.length > 0 ? written(left, body) : body, written(left, "").length);
    });
    return { root, update: () => undefined };
  }

  async _submit() {
    const { to, body: typed } = this._meant();
    const body = typed.trim();
    if (!body || bodyProblem(body) || this._isSending) return;
    if (to.length === 1) this._keep(to[0]);
    /** @type {Record<string, string>} */
    const fields = { to: to.join(","), body };
    if (this._replyTo) fields.in_reply_to = String(this._replyTo.id);
    await this._post(fields, to);
  }

  /** @param {Record<string, string>} fields @param {string[]} to */
  async _post(fields, to) {
    this._isSending = true;
    setAttr(this._send, "aria-busy", "true");
    const sent = this._area.value;
    const repliedTo = this._replyTo;
    try {
      await post(SEND, fields);
      // What was typed meanwhile is the next message.
      if (this._area.value.startsWith(sent)) this._area.setRangeText("", 0, sent.length);
      keepDraft(DRAFT, this._area.value);
      if (this._replyTo === repliedTo) this._setReply(null);
      this._typed();
      this._grow();
    } catch (error) {
      setText(this._problem, `${to.length > 1 ? "Sent to nobody: " : ""}${sentence(error)}`);
    } finally {
      this._isSending = false;
      setAttr(this._send, "aria-busy", null);
    }
  }
}
