import assert from "node:assert/strict";
import test from "node:test";

import { isAll, passes, readFilter, writeFilter } from "../../hive/web/assets/dashboard/flow_filter.js";

const message = (from, to, origin = "peer") => ({ from, to, origin });
const kinds = (one) =>
  ["to-operator", "from-operator", "between", "system", "external"].filter((kind) => passes(one, { agent: "", kind }));

test("a message is of the kinds that the daemon finds it under", () => {
  assert.deepEqual(kinds(message("alice", "operator")), ["to-operator"]);
  assert.deepEqual(kinds(message("operator", "alice", "operator")), ["from-operator"]);
  assert.deepEqual(kinds(message("alice", "bob")), ["between"]);
  assert.deepEqual(kinds(message("system", "bob", "system")), ["system"]);
  assert.deepEqual(kinds(message("github", "bob", "external")), ["external"]);
});

test("an agent's messages are those it sent and got, of the kind that is wanted", () => {
  assert.equal(passes(message("alice", "bob"), { agent: "bob", kind: "" }), true);
  assert.equal(passes(message("alice", "bob"), { agent: "carol", kind: "" }), false);
  assert.equal(passes(message("alice", "bob"), { agent: "bob", kind: "to-operator" }), false);
});

test("a filter that was kept is read again, and nonsense is none", () => {
  const filter = { agent: "bob", kind: "between" };
  assert.deepEqual(readFilter(writeFilter(filter)), filter);
  assert.equal(isAll(readFilter(null)), true);
  assert.equal(isAll(readFilter("nonsense ")), true);
});
