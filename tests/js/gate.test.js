import assert from "node:assert/strict";
import test from "node:test";

import { Gate } from "../../hive/web/assets/shared/gate.js";

const seqs = (frames) => frames.map((frame) => frame.seq);

test("a history swallows only its own kinds", () => {
  const gate = new Gate([{}, { kinds: ["note"] }]);
  gate.admit({ kind: "status", seq: 5 });
  gate.admit({ kind: "note", seq: 6 });
  gate.admit({ kind: "note", seq: 9 });
  assert.deepEqual(seqs(gate.release([4, 8])), [5, 9]);
});

test("a kind two sources hold is news as long as one of them lacks it", () => {
  const gate = new Gate([{ also: ["sent"] }, { kinds: ["sent"] }]);
  for (const seq of [10, 11, 12, 13]) gate.admit({ kind: "sent", seq });
  assert.deepEqual(seqs(gate.release([10, 12])), [11, 12, 13]);
  assert.equal(gate.admit({ kind: "sent", seq: 13 }), false);
});

test("nothing is admitted while it holds", () => {
  const gate = new Gate([{}]);
  gate.release([0]);
  assert.equal(gate.admit({ kind: "a", seq: 1 }), true);
  gate.hold();
  assert.equal(gate.admit({ kind: "a", seq: 2 }), false);
  assert.deepEqual(seqs(gate.release([1])), [2]);
});
