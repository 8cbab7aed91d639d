import assert from "node:assert/strict";
import { test } from "node:test";

import { timeTag } from "../../hive/web/assets/shared/time.js";

/** As much of a document as a `<time>` needs. */
class Node {
  constructor() {
    this.textContent = "";
    this.isConnected = false;
  }
  setAttribute() {}
  append(...children) {
    this.textContent += children.join("");
  }
}

test("a moment that no calendar has is shown as none, and breaks no page", (context) => {
  globalThis.document = { createElement: () => new Node() };
  context.after(() => delete globalThis.document);
  for (const at of [9e14, -9e14, 9.2e18, NaN, Infinity]) {
    assert.equal(timeTag(at).textContent, "?", String(at));
    assert.equal(timeTag(at, "ago").textContent, "?", String(at));
  }
  assert.equal(timeTag(1_700_000_000).dateTime, "2023-11-14T22:13:20.000Z");
  assert.match(timeTag(8.64e12).dateTime, /^\+275760/);
});
