// @ts-check
/** What a job says, live, in the side panel. */

import { getJson, sentence } from "../shared/api.js";
import { sidePanel } from "../shared/dialog.js";
import { el, setText } from "../shared/dom.js";
import { cancelForm, drawState } from "./jobs.js";
import { LogTail } from "./log_tail.js";
import { jobLog, jobOf } from "./urls.js";
import { jobTitle } from "./words.js";

/** @typedef {import("../shared/wire.js").Job} Job */
/** @typedef {import("../shared/wire.js").Frame} Frame */

const LINES_KEPT = 5000;
const STICKY_PX = 48;

export function jobLogs() {
  /** @type {OpenLog | null} */
  let open = null;
  /** @param {Job} job */
  const show = (job) => {
    const log = new OpenLog(job, () => {
      if (open === log) open = null;
    });
    open = log;
  };
  return {
    show,
    /** One that is older than those shown. @param {number} id @returns {Promise<string | null>} why it cannot be */
    async find(id) {
      try {
        show(await getJson(jobOf(id)));
        return null;
      } catch (error) {
        return sentence(error);
      }
    },
    /** @param {Frame} frame */
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

/** @param {Job} job @returns {string} what a failure means and how it is mended; "" where nothing is to be added */
function outcomeOf(job) {
  if (job.state !== "failed") return "";
  if (!["deploy", "spawn"].includes(job.kind)) return "";
  const what = job.kind === "spawn" ? "It was not created." : "It was rolled back: what ran before goes on.";
  return job.approval_id === null ? what : `${what} Mend it with a further commit and propose that.`;
}

class OpenLog {
  /** @param {Job} job @param {() => void} closed */
  constructor(job, closed) {
    this.id = job.id;
    this._job = job;
    this._tail = new LogTail();
    this._isLoading = false;
    /** @type {Frame[]} */
    this._waiting = [];
    this._state = el("span", { class: "badge" });
    this._cancel = cancelForm(job).form;
    this._empty = el("span", { class: "muted" }, "…");
    this._lines = el("span");
    this._note = el("span", { class: "form-error", hidden: true });
    this._text = el(
      "pre",
      { class: "job-log", tabindex: "0", role: "log", "aria-label": `log of: ${jobTitle(job)}` },
      this._empty,
      this._lines,
      this._note,
    );
    sidePanel(`${jobTitle(job)} · #${job.id}`, this._text, [this._state, this._cancel]).addEventListener("close", closed);
    this.changed(job);
    void this.load();
  }

  /** @param {Job} job */
  changed(job) {
    drawState(job, this._state);
    this._cancel.hidden = job.ended_at !== null;
    this._job = job;
    this._conclude();
  }

  /** How it ended, behind the last line; the reason only where the log does not end with it. */
  _conclude() {
    const { note, ended_at } = this._job;
    const isSaid = this._lines.lastChild?.textContent?.trim() === note?.trim();
    const parts = [isSaid ? "" : note, outcomeOf(this._job)].filter(Boolean);
    this._note.hidden = ended_at === null || parts.length === 0;
    setText(this._note, parts.join("\n"));
  }

  /** @param {Frame} frame */
  logged(frame) {
    // While the log is on its way, what comes live waits for it.
    if (this._isLoading) this._waiting.push(frame);
    else this._take(frame);
  }

  /** @param {Frame} frame */
  _take(frame) {
    const fresh = this._tail.take(frame.offset, frame.lines);
    if (fresh === null) void this.load();
    else this._append(fresh);
  }

  async load() {
    if (this._isLoading) return;
    this._isLoading = true;
    try {
      const { lines } = /** @type {{lines: string[]}} */ (await getJson(jobLog(this.id, 0)));
      this._tail.begin(lines);
      this._lines.replaceChildren();
      this._append(lines);
      this._empty.textContent = "Nothing has been said yet.";
    } catch (error) {
      this._empty.textContent = sentence(error);
    } finally {
      this._isLoading = false;
    }
    for (const frame of this._waiting.splice(0)) this.logged(frame);
  }

  /** @param {string[]} lines */
  _append(lines) {
    const text = this._text;
    const isAtEnd = text.scrollHeight - text.scrollTop - text.clientHeight < STICKY_PX;
    this._lines.append(...lines.slice(-LINES_KEPT).map((line) => `${line}\n`));
    while (this._lines.childNodes.length > LINES_KEPT) this._lines.firstChild?.remove();
    this._empty.hidden = this._lines.hasChildNodes();
    this._conclude();
    if (isAtEnd) text.scrollTop = text.scrollHeight;
  }
}
