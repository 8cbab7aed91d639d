// @ts-check
/** What a job says, live, in the side panel. */

import { getJson, sentence } from "../shared/api.js";
import { sidePanel } from "../shared/dialog.js";
import { el } from "../shared/dom.js";
import { cancelForm, drawState } from "./jobs.js";
import { LogTail } from "./log_tail.js";
import { jobLog } from "./urls.js";
import { jobTitle } from "./words.js";

/** @typedef {import("../shared/wire.js").Job} Job */
/** @typedef {import("../shared/wire.js").Frame} Frame */

const LINES_KEPT = 5000;
const STICKY_PX = 48;

/** @returns {{show: (job: Job) => void, apply: (frame: Frame) => void, refresh: () => void}} */
export function jobLogs() {
  /** @type {OpenLog | null} */
  let open = null;
  return {
    show(job) {
      const log = new OpenLog(job, () => {
        if (open === log) open = null;
      });
      open = log;
    },
    apply(frame) {
      if (open === null) return;
      if (frame.kind === "job_logged" && frame.id === open.id) open.logged(frame);
      if (frame.kind === "job_changed" && frame.job.id === open.id) open.changed(frame.job);
    },
    /** Frames may have been missed. */
    refresh() {
      void open?.load();
    },
  };
}

class OpenLog {
  /** @param {Job} job @param {() => void} closed */
  constructor(job, closed) {
    this.id = job.id;
    this._tail = new LogTail();
    this._isLoading = false;
    this._isBehind = false;
    this._state = el("span", { class: "badge" });
    this._cancel = cancelForm(job).form;
    this._empty = el("span", { class: "muted" }, "…");
    this._text = el("pre", { class: "job-log", tabindex: "0", role: "log", "aria-label": `log of: ${jobTitle(job)}` }, this._empty);
    sidePanel(`${jobTitle(job)} · #${job.id}`, this._text, [this._state, this._cancel]).addEventListener("close", closed);
    this.changed(job);
    void this.load();
  }

  /** @param {Job} job */
  changed(job) {
    drawState(job, this._state);
    this._cancel.hidden = job.ended_at !== null;
    if (job.note && job.ended_at !== null && !this._text.querySelector(".form-error")) {
      this._append([el("span", { class: "form-error" }, job.note)]);
    }
  }

  /** @param {Frame} frame */
  logged(frame) {
    // While a part is on its way, what comes live waits: it is asked for right after.
    if (this._isLoading) this._isBehind = true;
    else this._take(frame.offset, frame.lines);
  }

  /** @param {number} offset @param {string[]} lines */
  _take(offset, lines) {
    const fresh = this._tail.take(offset, lines);
    if (fresh === null) void this.load();
    else this._append(fresh.map((line) => `${line}\n`));
  }

  async load() {
    if (this._isLoading) {
      this._isBehind = true;
      return;
    }
    this._isLoading = true;
    try {
      do {
        this._isBehind = false;
        const after = this._tail.have;
        const { lines } = await getJson(jobLog(this.id, after));
        this._take(after, lines);
        this._isBehind ||= lines.length > 0;
      } while (this._isBehind && this._text.isConnected);
      this._empty.textContent = "Nothing has been said yet.";
    } catch (error) {
      this._empty.textContent = sentence(error);
    } finally {
      this._isLoading = false;
    }
  }

  /** @param {(Node | string)[]} parts */
  _append(parts) {
    if (parts.length === 0) return;
    const text = this._text;
    const isAtEnd = text.scrollHeight - text.scrollTop - text.clientHeight < STICKY_PX;
    this._empty.remove();
    const note = text.querySelector(".form-error");
    for (const part of parts) note ? note.before(part) : text.append(part);
    while (text.childNodes.length > LINES_KEPT) text.firstChild?.remove();
    if (isAtEnd) text.scrollTop = text.scrollHeight;
  }
}
