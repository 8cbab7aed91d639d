// @ts-check
/** The box the operator writes in: a recipient that stays, `@name` to change it, replies. */

import { post, sentence } from "../shared/api.js";
import { el, keyed, remember, remembered, setAttr, setText } from "../shared/dom.js";
import { growing } from "../shared/form.js";
import { BODY_BYTES, bodyProblem, byteLength } from "../shared/names.js";
import { offered, redirected } from "./mentions.js";
import { recipients } from "./state.js";
import { suggestions } from "./suggestions.js";
import { SEND } from "./urls.js";

const COUNT_FROM = BODY_BYTES - 600;

export class Compose {
  constructor() {
    /** @type {string[]} */
    this._names = [];
    /** @type {{id: number, from: string} | null} */
    this._replyTo = null;
    this._isSending = false;
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
    this._send = el("button", { class: "go" }, "↵ Send");
    this._list = suggestions(this._area, () => this._offer(), (name) => this._chosen(name));
    this.root = this._build();
    this._grow = growing(this._area, () => this.root.requestSubmit());
    this._listen();
  }

  _build() {
    const line = el("div", { class: "entry" }, el("span", { class: "who" }, "@", this._to, ">"), this._area, this._send);
    return el(
      "form",
      { class: "prompt" },
      this._reply,
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
    this._area.addEventListener("input", () => this._typed());
    this._to.addEventListener("change", () => this._keep(this._to.value));
    this._reply.addEventListener("click", () => {
      this._setReply(null);
      this._area.focus();
    });
  }

  /** @param {import("../shared/wire.js").DashboardState} state */
  update(state) {
    this._names = recipients(state);
    const wanted = remembered("recipient") ?? this._names[0] ?? "manager";
    const shown = this._names.includes(wanted) ? this._names : [wanted, ...this._names];
    keyed(this._to, shown, (name) => name, (name) => ({
      root: el("option", { value: name }, name === "*" ? "everybody" : name),
      update: () => undefined,
    }));
    this._to.value = wanted;
    this._typed();
  }

  /** @param {string} name */
  writeTo(name) {
    this._keep(name);
    this._setReply(null);
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
    this._reply.hidden = message === null;
    if (message) setText(this._reply, `↳ reply to #${message.id} of ${message.from} ✕`);
    setAttr(this._reply, "aria-label", message && `Replying to ${message.from}. Remove`);
  }

  _offer() {
    if (this._area.selectionStart !== this._area.value.length) return null;
    return offered(this._area.value, this._names);
  }

  /** @param {string} name */
  _chosen(name) {
    this._area.value = "";
    this._setReply(null);
    this._keep(name);
    this._grow();
    this._area.focus();
  }

  _typed() {
    const found = redirected(this._area.value, this._names);
    const to = found?.to ?? this._to.value;
    const size = byteLength(this._area.value);
    const room = size > COUNT_FROM ? ` · ${size}/${BODY_BYTES} bytes` : "";
    setText(this._hint, `↵ send to ${to === "*" ? "everybody" : to} · ⇧↵ newline · @ another name${room}`);
    setText(this._problem, bodyProblem(found?.body ?? this._area.value) ?? "");
  }

  async _submit() {
    const found = redirected(this._area.value, this._names);
    const to = found?.to ?? this._to.value;
    const body = (found?.body ?? this._area.value).trim();
    if (found) this._keep(to);
    if (!body || bodyProblem(body) || this._isSending) return;
    /** @type {Record<string, string>} */
    const fields = { to, body };
    if (this._replyTo && this._replyTo.from === to) fields.in_reply_to = String(this._replyTo.id);
    await this._post(fields);
  }

  /** @param {Record<string, string>} fields */
  async _post(fields) {
    this._isSending = true;
    setAttr(this._send, "aria-busy", "true");
    const sent = this._area.value;
    try {
      await post(SEND, fields);
      if (this._area.value === sent) this._area.value = "";
      this._setReply(null);
      this._typed();
      this._grow();
    } catch (error) {
      setText(this._problem, sentence(error));
    } finally {
      this._isSending = false;
      setAttr(this._send, "aria-busy", null);
    }
  }
}
