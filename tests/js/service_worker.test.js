// @ts-check
/** The worker's side of notifications: shown once and not to who looks, and where a click leads. */

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import vm from "node:vm";

const SOURCE = new URL("../../hive/web/assets/shared/service_worker.js", import.meta.url);
const HOME = "http://hive.test";
const TOLD = { class: "message", title: "A message from bob", text: "hello", path: "/#message-7", tag: "message-7", at: 2 };

/** @param {{path: string, focused?: boolean}[]} windows the browser's windows of hive */
function worker(windows = []) {
  /** @type {Record<string, (event: any) => void>} */
  const listeners = {};
  /** @type {any[]} */
  const did = [];
  const all = windows.map(({ path, focused = false }) => ({
    url: HOME + path,
    focused,
    focus: async () => did.push(["focus", path]),
    postMessage: (/** @type {any} */ message) => did.push(["post", path, { ...message }]),
  }));
  const self = {
    SHELL: { version: "1", page: "/static/offline.html", files: [] },
    location: { origin: HOME },
    addEventListener: (/** @type {string} */ name, /** @type {any} */ run) => (listeners[name] = run),
    clients: { matchAll: async () => all, openWindow: async (/** @type {string} */ url) => did.push(["open", url]) },
    registration: {
      showNotification: async (/** @type {string} */ title, /** @type {any} */ options) => did.push(["show", title, options]),
    },
  };
  vm.runInNewContext(readFileSync(SOURCE, "utf8"), { self, URL, Request, caches: {}, fetch: () => undefined });
  /** @param {string} name @param {object} event */
  const fire = async (name, event) => {
    /** @type {Promise<unknown>[]} */
    const waits = [];
    listeners[name]({ ...event, waitUntil: (/** @type {Promise<unknown>} */ one) => waits.push(one) });
    await Promise.all(waits);
    return did;
  };
  return fire;
}

/** @param {object} told */
const push = (told) => ["push", { data: { json: () => told } }];
/** @param {string} path */
const click = (path) => ["notificationclick", { notification: { close: () => undefined, data: { path } } }];

test("a push is shown with its text, its tag and where it leads", async () => {
  const [[, title, options]] = await worker()(.../** @type {[string, object]} */ (push(TOLD)));
  assert.equal(title, "A message from bob");
  assert.deepEqual([options.body, options.tag, options.data.path], ["hello", "message-7", "/#message-7"]);
  assert.equal(options.timestamp, 2000);
});

test("a frame that a page hands over is shown in the same way", async () => {
  const event = { data: { kind: "notify", notification: TOLD } };
  assert.equal((await worker([{ path: "/" }])("message", event)).length, 1);
  assert.equal((await worker()("message", { data: { kind: "odd" } })).length, 0);
});

test("nothing is shown to who looks at the dashboard, but a test", async () => {
  const fire = worker([{ path: "/#jobs", focused: true }]);
  assert.equal((await fire(.../** @type {[string, object]} */ (push(TOLD)))).length, 0);
  assert.equal((await fire(.../** @type {[string, object]} */ (push({ ...TOLD, class: "test" })))).length, 1);
});

test("an agent's page that has the focus does not hide what happens", async () => {
  const fire = worker([{ path: "/agent/bob/", focused: true }, { path: "/" }]);
  assert.equal((await fire(.../** @type {[string, object]} */ (push(TOLD)))).length, 1);
});

test("a click brings the page that is open to the front, at the thing", async () => {
  const did = await worker([{ path: "/agent/bob/" }, { path: "/#jobs" }])(.../** @type {[string, object]} */ (click("/#message-7")));
  assert.deepEqual(did, [["post", "/#jobs", { kind: "go", hash: "#message-7" }], ["focus", "/#jobs"]]);
});

test("a click opens the page where none is open, and never one of elsewhere", async () => {
  assert.deepEqual(await worker()(.../** @type {[string, object]} */ (click("/agent/bob/"))), [["open", `${HOME}/agent/bob/`]]);
  assert.deepEqual(await worker()(.../** @type {[string, object]} */ (click("https://evil.test/"))), []);
});
