// @ts-check
/** What the notifications section says of a browser, and how keys are written. */

import assert from "node:assert/strict";
import { test } from "node:test";

import { browserName, browserState, bytesOf, deliveryWords, textOf } from "../../hive/web/assets/dashboard/notify_words.js";

const READY = { isSecure: true, hasWorker: true, permission: "granted", isMuted: false, hasPush: true, isPushed: false };

test("a browser that could ask is off until it is enabled", () => {
  const state = browserState({ ...READY, permission: "default" });
  assert.deepEqual([state.word, state.canEnable, state.canMute, state.canPush], ["off", true, false, true]);
});

test("a browser that may notify can be muted and pushed to", () => {
  assert.deepEqual(Object.values(browserState(READY)).slice(2), [false, true, true]);
  assert.equal(browserState(READY).word, "on");
  assert.equal(browserState({ ...READY, isMuted: true }).word, "muted");
  assert.equal(browserState({ ...READY, isPushed: true }).canPush, false);
});

test("a browser that cannot says why, and offers nothing", () => {
  for (const [change, word, reason] of /** @type {const} */ ([
    [{ isSecure: false }, "unsupported", /HTTPS/],
    [{ permission: null }, "unsupported", /no notifications/],
    [{ hasWorker: false }, "unsupported", /no notifications/],
    [{ permission: "denied" }, "blocked", /settings for the site/],
  ])) {
    const state = browserState({ ...READY, ...change });
    assert.equal(state.word, word);
    assert.match(state.says, reason);
    assert.deepEqual([state.canEnable, state.canMute, state.canPush], [false, false, false]);
  }
});

test("a browser is called by its name and its system", () => {
  const agent = "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 Chrome/130.0 Safari/537.36";
  assert.equal(browserName(agent), "Chrome on Linux");
  assert.equal(browserName("Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X) Version/18.0 Safari/604.1"), "Safari on iPhone");
  assert.equal(browserName("odd"), "Browser");
});

test("keys come back as they were written", () => {
  const key = "BAECAwQ_-A";
  assert.equal(textOf(bytesOf(key).buffer), key);
  assert.equal(textOf(null), "");
});

test("a delivery says whether it waits or was given up", () => {
  assert.equal(deliveryWords({ state: "waiting", attempts: 0 }), "waits");
  assert.equal(deliveryWords({ state: "waiting", attempts: 1 }), "waits after 1 try");
  assert.equal(deliveryWords({ state: "given_up", attempts: 12 }), "given up after 12 tries");
});
