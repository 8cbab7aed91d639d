// @ts-check
/** A thread in the side panel: who answered whom, as it grows, and a box that answers one of it. */

import { getJson, sentence } from "../shared/api.js";
import { sidePanel } from "../shared/dialog.js";
import { el, keyed, setAttr, setText } from "../shared/dom.js";
import { AnswerBox } from "./answer_box.js";
import { recipients } from "./state.js";
import { threadRow } from "./thread_row.js";
import { branches, threadIn } from "./thread_tree.js";
import { threadOf } from "./urls.js";

/** @typedef {import("../shared/wire.js").Frame} Frame */
/** @typedef {import("../shared/wire.js").MessageRow} MessageRow */

const ROWS = 100;
const ROWS_MOST = 500;
const NEAR_PX = 600;
const LATER_MS = 50;

export function threadsView() {
  /** @type {string[]} */
  let names = [];
  /** @type {ThreadPanel | null} */
  let panel = null;
  /** @param {number} id of a message */
  const open = (id) => {
    panel?.dialog.close();
    const mine = new ThreadPanel(id, names);
    panel = mine;
    // The tab that is shown goes on being in the address once the panel is closed.
    const before = threadIn(location.hash) === null ? location.hash : "";
    history.replaceState(null, "", `${location.pathname}${location.search}#thread-${id}`);
    mine.dialog.addEventListener("close", () => {
      if (panel !== mine) return;
      panel = null;
      if (threadIn(location.hash) !== null) history.replaceState(null, "", location.pathname + location.search + before);
    });
    void mine.start();
  };
  return {
    open,
    /** @param {import("../shared/wire.js").DashboardState} state */
    update: (state) => {
      names = recipients(state).filter((name) => name !== "*");
      panel?.know(names);
    },
    /** @param {Frame} frame */
    apply: (frame) => panel?.apply(frame),
    /** The stream was made anew: what came meanwhile is read. */
    refresh: () => void panel?.catchUp(),
  };
}

class ThreadPanel {
  /** @param {number} id @param {string[]} names */
  constructor(id, names) {
    this._id = id;
    this._box = new AnswerBox(names);
    /** @type {Map<number, MessageRow>} */
    this._rows = new Map();
    /** @type {Set<number>} */
    this._folded = new Set();
    this._root = id;
    this._upto = 0;
    this._isEnd = false;
    this._isLoading = false;
    this._loading = Promise.resolve(true);
    this._isScheduled = false;
    this._total = 0;
    this._isCut = false;
    this._count = el("span", { class: "muted", role: "status" }, "…");
    this._list = el("ol", { class: "thread", "aria-label": "Messages of this thread; answers stand below what they answer" });
    this._more = el("button", { type: "button", hidden: true }, "More of this thread");
    this._scroll = el("div", { class: "thread-body", tabindex: "0", role: "region", "aria-label": "Thread" }, this._list, this._more);
    this.dialog = sidePanel(`Thread of message ${id}`, el("div", { class: "thread-frame" }, this._scroll, this._box.root), [this._count]);
    this._seen = new IntersectionObserver(tellSeen, { root: this._scroll, rootMargin: `${NEAR_PX}px` });
    this._listen();
  }

  _listen() {
    this._scroll.focus({ preventScroll: true });
    this._more.addEventListener("click", () => void this._load(ROWS));
    this._list.addEventListener("click", (event) => {
      // A link to the message flow, which lies behind the panel.
      if (event.target instanceof Element && event.target.closest("a.stamp")) this.dialog.close();
    });
    this._scroll.addEventListener("scroll", () => this._scrolled(), { passive: true });
    this.dialog.addEventListener("close", () => this._seen.disconnect());
  }

  async start() {
    // What is above the message that was asked for is read too, however long the thread is.
    while (this.dialog.open && !this._isEnd && !this._rows.has(this._id)) {
      if (!(await this._load(this._rows.size === 0 ? ROWS : ROWS_MOST))) return;
    }
    const first = this._rows.get(this._root);
    this._box.open(this._rows.get(this._id) ?? null, `thread ${this._root} ${first?.sent_at ?? ""}`);
    this.goTo(this._id);
  }

  /** One page behind the other. @param {number} limit @returns {Promise<boolean>} whether it worked */
  _load(limit) {
    this._loading = this._loading.then(() => this._page(limit));
    return this._loading;
  }

  /** @param {number} limit */
  async _page(limit) {
    this._isLoading = true;
    setAttr(this._more, "aria-busy", "true");
    try {
      const page = await getJson(threadOf(this._id, this._upto, limit));
      for (const row of page.messages) this._rows.set(row.id, row);
      this._upto = Math.max(this._upto, ...page.messages.map((/** @type {MessageRow} */ row) => row.id));
      this._isEnd = page.is_end;
      this._root = page.root;
      this._total = page.total;
      this._isCut = page.is_cut;
      this._show();
      return true;
    } catch (error) {
      setText(this._count, sentence(error));
      return false;
    } finally {
      this._isLoading = false;
      setAttr(this._more, "aria-busy", null);
    }
  }

  async catchUp() {
    this._isEnd = false;
    while (this.dialog.open && !this._isEnd && (await this._load(ROWS_MOST)));
  }

  _scrolled() {
    const below = this._scroll.scrollHeight - this._scroll.scrollTop - this._scroll.clientHeight;
    if (below < NEAR_PX && !this._isEnd && !this._isLoading) void this._load(ROWS);
  }

  /** @param {Frame} frame */
  apply(frame) {
    if (frame.kind === "sent" && this._rows.has(frame.in_reply_to) && !this._rows.has(frame.id)) {
      const { id, from, to, body, at, in_reply_to, broadcast, origin, via } = frame;
      const row = { id, from, to, body, in_reply_to, sent_at: at, broadcast, origin, via };
      this._rows.set(id, { ...row, delivered_at: null, acked_at: null });
      if (this._isEnd) this._upto = Math.max(this._upto, id);
      this._total = this._total + 1;
    } else if (frame.kind === "delivered" && this._rows.has(frame.id)) {
      this._change(frame.id, { delivered_at: frame.at });
    } else if (frame.kind === "acked") {
      for (const id of frame.ids) this._change(id, { acked_at: Date.now() / 1000 });
    } else if (frame.kind === "requeued") {
      for (const id of frame.ids) this._change(id, { delivered_at: null });
    } else return;
    this._later();
  }

  /** @param {number} id @param {Partial<MessageRow>} fields */
  _change(id, fields) {
    const row = this._rows.get(id);
    if (row) this._rows.set(id, { ...row, ...fields });
  }

  /** A burst of frames is drawn once. */
  _later() {
    if (this._isScheduled) return;
    this._isScheduled = true;
    setTimeout(() => {
      this._isScheduled = false;
      this._show();
    }, LATER_MS);
  }

  _show() {
    const does = {
      goTo: (/** @type {number} */ id) => this.goTo(id),
      answer: (/** @type {MessageRow} */ row) => this._box.aim(row, true),
      fold: (/** @type {number} */ id) => {
        if (!this._folded.delete(id)) this._folded.add(id);
        this._show();
      },
      canAnswer: (/** @type {MessageRow} */ row) => this._box.canAnswer(row),
      watch: (/** @type {Element} */ node) => this._seen.observe(node),
    };
    keyed(this._list, branches(this._rows.values(), this._folded), (one) => String(one.message.id), (one) => threadRow(one, does));
    const total = Math.max(this._total, this._rows.size);
    const all = `${total}${this._isCut ? " or more" : ""} ${total === 1 ? "message" : "messages"}`;
    setText(this._count, this._isEnd ? all : `${this._rows.size} of ${all}`);
    this._more.hidden = this._isEnd;
  }

  /** @param {number} id of a message in it; what hides it is unfolded */
  goTo(id) {
    for (let at = this._rows.get(id); at; at = at.in_reply_to === null ? undefined : this._rows.get(at.in_reply_to)) {
      if (at.id !== id) this._folded.delete(at.id);
    }
    this._show();
    const row = this._list.querySelector(`[data-message="${id}"]`);
    if (!(row instanceof HTMLElement)) return;
    for (const one of this._list.querySelectorAll(".found")) one.classList.remove("found");
    row.classList.add("found");
    row.scrollIntoView({ block: "center" });
    row.focus({ preventScroll: true });
  }

  /** @param {string[]} names who can be written to now */
  know(names) {
    if (this._box.know(names)) this._show();
  }
}

/** @param {IntersectionObserverEntry[]} entries */
function tellSeen(entries) {
  for (const entry of entries) if (entry.isIntersecting) entry.target.dispatchEvent(new Event("hive:seen"));
}
