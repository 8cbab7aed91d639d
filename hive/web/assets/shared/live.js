// @ts-check
/**
 * A page that follows the hive: snapshot, then frames, over as many reconnects as it takes.
 *
 * The browser's EventSource resumes by itself with Last-Event-ID and then nothing is fetched
 * again; a new snapshot is taken when the server says `reset`, when the stream had to be made
 * anew, or when it broke before the first numbered event.
 *
 * A connection may die without a word. The server says `awake` every few seconds, and how many;
 * a stream that is silent for longer is made anew. Whoever is not logged in any more is told, and
 * asked for again only when somebody looks at the page.
 */

import { Gate } from "./gate.js";

/** @typedef {import("./wire.js").Frame} Frame */
/** @typedef {"connecting" | "live" | "retrying" | "logged_out"} Status */
/**
 * @typedef {{
 *   url: string, kinds?: readonly string[], also?: readonly string[],
 *   take: (snapshot: any) => void
 * }} Source
 * @typedef {{
 *   onopen: ((event: any) => void) | null, onerror: ((event: any) => void) | null,
 *   onmessage: ((event: any) => void) | null, readyState: number,
 *   addEventListener: (name: string, listener: (event: any) => void) => void, close: () => void
 * }} Stream
 * @typedef {{
 *   stream: string, sources: readonly Source[], apply: (frame: Frame) => void,
 *   status: (status: Status, detail: string, code: string) => void,
 *   open?: (url: string) => Stream, get: (url: string) => Promise<any>,
 *   later?: (ms: number, then: () => void) => void, now?: () => number
 * }} LiveOptions
 */

const CONNECTING = 0;
const OPEN = 1;
const CLOSED = 2;
const EXPLAIN_MS = 4000;
const FIRST_RETRY_MS = 1000;
const LAST_RETRY_MS = 15000;
/** A connection that is kept for the next request may be as dead as any. */
const OPENING_MS = 20000;
/** How many signs of life may be late. */
const SILENT_BEATS = 2.5;
const LEAST_BEAT_S = 1;
const MOST_BEAT_S = 3600;
const AWAY = new Set(["coming_up", "stopped"]);

/**
 * How often a stream says that it is awake; NaN for nonsense, as an agent may send it.
 * The harness of an older hive says nothing but the number.
 * @param {string} text
 */
function secondsOf(text) {
  try {
    const told = JSON.parse(text);
    return Number(told?.every_s ?? told);
  } catch {
    return NaN;
  }
}

export class Live {
  /** @param {LiveOptions} options */
  constructor(options) {
    this._options = options;
    this._gate = new Gate(options.sources);
    this._later = options.later ?? ((ms, then) => void setTimeout(then, ms));
    this._open = options.open ?? ((url) => new EventSource(url));
    this._now = options.now ?? Date.now;
    this._retryMs = FIRST_RETRY_MS;
    this._generation = 0;
    this._hasResumePoint = false;
    this._ended = false;
    this._isExplaining = false;
    this._isLoggedOut = false;
    /** How long the stream may be silent; once open endless, until it says how often it speaks. */
    this._silentMs = Infinity;
    this._heardAt = 0;
    this._guards = 0;
    /** @type {Stream | null} */
    this._stream = null;
  }

  /** Join the stream; the snapshots follow as soon as it is open. */
  start() {
    this._ended = false;
    this._connect();
  }

  /** Leave the stream; `start` joins it anew. */
  stop() {
    this._ended = true;
    this._isLoggedOut = false;
    this._generation += 1;
    this._stream?.close();
    this._stream = null;
  }

  /** Somebody looks at the page, or the network is back: nothing that can be tried now waits. */
  look() {
    if (this._isLoggedOut) this.start();
    else if (!this._ended && (!this._stream || this._isSilent())) this._anew();
  }

  _anew() {
    this._generation += 1;
    this._options.status("retrying", "", "");
    this._connect();
  }

  _isSilent() {
    return this._now() - this._heardAt >= this._silentMs;
  }

  /** @param {Stream} stream @param {{data: string}} event */
  _awake(stream, event) {
    const wasKnown = this._silentMs < Infinity;
    const everyS = secondsOf(event.data);
    if (Number.isNaN(everyS)) return;
    const beatS = Math.min(Math.max(LEAST_BEAT_S, everyS), MOST_BEAT_S);
    this._silentMs = beatS * 1000 * SILENT_BEATS;
    this._heardAt = this._now();
    if (!wasKnown) this._guard(stream);
  }

  /** Look again when the silence would be too long. @param {Stream} stream */
  _guard(stream) {
    const guard = (this._guards += 1);
    this._later(this._heardAt + this._silentMs - this._now(), () => {
      const isMine = this._stream === stream && this._guards === guard;
      if (!isMine || this._silentMs === Infinity) return;
      if (this._isSilent()) this._anew();
      else this._guard(stream);
    });
  }

  _connect() {
    if (this._ended) return;
    this._stream?.close();
    this._gate.hold();
    this._hasResumePoint = false;
    this._isLoggedOut = false;
    const stream = this._open(this._options.stream);
    this._stream = stream;
    this._silentMs = OPENING_MS;
    this._heardAt = this._now();
    this._guard(stream);
    const mine = (/** @type {(event: any) => void} */ then) => (/** @type {any} */ event) => {
      if (this._stream === stream) then(event);
    };
    stream.onopen = mine(() => this._opened());
    stream.onerror = mine(() => this._broken(stream));
    stream.onmessage = mine((event) => this._received(event));
    stream.addEventListener("reset", mine(() => void this._snapshot()));
    stream.addEventListener("awake", mine((event) => this._awake(stream, event)));
  }

  _opened() {
    this._heardAt = this._now();
    if (this._silentMs === OPENING_MS) this._silentMs = Infinity;
    if (this._hasResumePoint && !this._gate.holding) this._live();
    else void this._snapshot();
  }

  _live() {
    this._retryMs = FIRST_RETRY_MS;
    this._options.status("live", "", "");
  }

  /** @param {Stream} stream */
  _broken(stream) {
    if (stream.readyState !== CLOSED) {
      this._options.status("retrying", "", "");
      this._explainLater(stream);
      return;
    }
    this._retry();
    void this._explain();
  }

  _retry() {
    this._generation += 1;
    this._stream?.close();
    this._stream = null;
    this._options.status("retrying", "", "");
    const generation = this._generation;
    const wait = this._retryMs;
    this._retryMs = Math.min(this._retryMs * 2, LAST_RETRY_MS);
    this._later(wait, () => {
      if (generation === this._generation) this._connect();
    });
  }

  /** A browser tries on for ever without a word; a blink of the network needs none. @param {Stream} stream */
  _explainLater(stream) {
    if (this._isExplaining) return;
    this._isExplaining = true;
    this._later(EXPLAIN_MS, () => {
      this._isExplaining = false;
      if (this._stream === stream && stream.readyState === CONNECTING) void this._explain();
    });
  }

  /** An EventSource does not tell why it failed; one plain request does. */
  async _explain() {
    const generation = this._generation;
    try {
      await this._options.get(this._options.sources[0].url);
    } catch (error) {
      if (generation === this._generation) this._tell(error);
    }
  }

  /** @param {any} error */
  _tell(error) {
    const status = error?.status === 401 ? "logged_out" : "retrying";
    if (status === "logged_out") this.stop();
    this._isLoggedOut = status === "logged_out";
    const code = String(error?.code ?? "");
    // Who answers that it is not there yet is asked again soon.
    if (AWAY.has(code)) this._retryMs = FIRST_RETRY_MS;
    this._options.status(status, error instanceof Error ? error.message : String(error), code);
  }

  /** @param {{data: string, lastEventId: string}} event */
  _received(event) {
    if (event.lastEventId) this._hasResumePoint = true;
    this._heardAt = this._now();
    const frame = JSON.parse(event.data);
    if (this._gate.admit(frame)) this._options.apply(frame);
  }

  async _snapshot() {
    this._generation += 1;
    const generation = this._generation;
    this._gate.hold();
    let snapshots;
    try {
      snapshots = await Promise.all(this._options.sources.map((s) => this._options.get(s.url)));
    } catch (error) {
      if (generation !== this._generation) return;
      this._retry();
      this._tell(error);
      return;
    }
    if (generation !== this._generation) return;
    this._options.sources.forEach((source, index) => source.take(snapshots[index]));
    const frames = this._gate.release(snapshots.map((s) => Number(s.seq)));
    for (const frame of frames) this._options.apply(frame);
    // It may have broken meanwhile; then it is live when it has resumed.
    if (this._stream?.readyState === OPEN) this._live();
  }
}

/** Let nothing wait while somebody looks: a page that was asleep or cut off is current at once. @param {Live} live */
export function lookWhenSeen(live) {
  const look = () => {
    if (!document.hidden) live.look();
  };
  document.addEventListener("visibilitychange", look);
  document.addEventListener("resume", look);
  for (const event of ["focus", "online", "pageshow"]) window.addEventListener(event, look);
}

/**
 * Let go of the stream while the page is out of sight: a browser allows about six streams to one
 * origin, and each agent's page holds one.
 * @param {Live} live @param {number} afterMs
 */
export function pauseWhenHidden(live, afterMs) {
  let timer = 0;
  let isPaused = false;
  document.addEventListener("visibilitychange", () => {
    clearTimeout(timer);
    if (document.hidden) {
      timer = window.setTimeout(() => {
        isPaused = true;
        live.stop();
      }, afterMs);
    } else if (isPaused) {
      isPaused = false;
      live.start();
    }
  });
}
