import assert from "node:assert/strict";
import { test } from "node:test";

import { inTurn } from "../../hive/web/assets/shared/in_turn.js";

/** @returns {{calls: number, done: () => void, ask: () => Promise<void>}} */
function work(fails = false) {
  const made = { calls: 0, done: () => undefined, ask: async () => undefined };
  made.ask = inTurn(
    () =>
      new Promise((resolve, reject) => {
        made.calls += 1;
        made.done = () => (fails ? reject(new Error("away")) : resolve());
      }),
  );
  return made;
}

test("what is asked for a thousand times is done once at a time, and once more", async () => {
  const made = work();
  const asked = Array.from({ length: 1000 }, () => made.ask());
  assert.equal(made.calls, 1);
  made.done();
  await new Promise(setImmediate);
  assert.equal(made.calls, 2);
  made.done();
  await Promise.all(asked);
  assert.equal(made.calls, 2);
});

test("what failed is done again when it is asked for again", async () => {
  const made = work(true);
  const asked = made.ask();
  made.done();
  await assert.rejects(asked, /away/);
  const again = made.ask();
  assert.equal(made.calls, 2);
  made.done();
  await assert.rejects(again, /away/);
});
