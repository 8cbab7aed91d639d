/** A scripted EventSource, server and clock for tests of live.js. */

import { Live } from "../../hive/web/assets/shared/live.js";

export class FakeStream {
  constructor(url) {
    this.url = url;
    this.readyState = 0;
    this.onopen = null;
    this.onerror = null;
    this.onmessage = null;
    this.listeners = {};
  }

  addEventListener(name, listener) {
    this.listeners[name] = listener;
  }

  close() {
    this.readyState = 2;
  }

  open() {
    this.readyState = 1;
    this.onopen?.({});
  }

  frame(seq, kind = "sent") {
    this.onmessage?.({ data: JSON.stringify({ kind, seq }), lastEventId: String(seq) });
  }

  awake(everyS) {
    this.beat(JSON.stringify({ kind: "awake", seq: 1, every_s: everyS }));
  }

  beat(data) {
    this.listeners.awake({ data });
  }

  reset() {
    this.listeners.reset({});
  }

  breakOff(state) {
    this.readyState = state;
    this.onerror?.({});
  }
}

/** @param {{url: string, kinds?: string[], also?: string[]}[]} sources */
export function scene(sources = [{ url: "state" }]) {
  const made = {
    streams: [],
    gets: [],
    applied: [],
    taken: [],
    statuses: [],
    timers: [],
    guards: [],
    now: 0,
    get stream() {
      return made.streams.at(-1);
    },
    /** Answer the oldest waiting request. */
    async answer(value) {
      const { resolve } = made.gets.shift();
      resolve(value);
      await settle();
    },
    async fail(error) {
      const { reject } = made.gets.shift();
      reject(error);
      await settle();
    },
  };
  made.live = new Live({
    stream: "stream",
    sources: sources.map((one) => ({ ...one, take: (value) => made.taken.push([one.url, value]) })),
    apply: (frame) => made.applied.push(frame.seq),
    status: (status, detail) => made.statuses.push([status, detail]),
    get: (url) => new Promise((resolve, reject) => made.gets.push({ url, resolve, reject })),
    open: (url) => {
      const stream = new FakeStream(url);
      made.streams.push(stream);
      return stream;
    },
    later: (ms, then) => (ms === 20000 ? made.guards : made.timers).push({ ms, then }),
    now: () => made.now,
  });
  return made;
}

export async function settle() {
  for (let turn = 0; turn < 10; turn += 1) await null;
}
