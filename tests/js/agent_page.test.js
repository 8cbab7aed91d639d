// @ts-check
import assert from "node:assert/strict";
import { test } from "node:test";

import { Completion, Sent, matching } from "../../hive/web/assets/agent_page/commands.js";
import { Pieces, ends, pieceOf } from "../../hive/web/assets/agent_page/partial.js";
import { stripped, textOf } from "../../hive/web/assets/agent_page/search_text.js";
import { contextTone, price } from "../../hive/web/assets/agent_page/state.js";
import { resultText } from "../../hive/web/assets/agent_page/tool_text.js";
import { partsOf, uncoloured } from "../../hive/web/assets/shared/odd.js";

/** @param {number} part @param {string} [block] */
const piece = (part, block = "a") => ({ block, part, what: "text", text: "x", name: null });

test("each piece is taken once, and none behind a gap", () => {
  const pieces = new Pieces();
  const told = [piece(1), piece(1), piece(2), piece(4), piece(3), piece(2, "b"), piece(1, "b")];
  assert.deepEqual(told.map((one) => pieces.admit(one)), ["begin", "no", "more", "no", "more", "no", "begin"]);
});

test("a piece of any making is read as one", () => {
  assert.deepEqual(pieceOf({ block: 3, text: null, name: null }), { block: "3", part: NaN, what: "undefined", text: "", name: null });
  assert.equal(new Pieces().admit(pieceOf("odd")), "no");
});

test("a piece from a snapshot is gone on from", () => {
  const pieces = new Pieces();
  pieces.begin(piece(7));
  assert.equal(pieces.admit(piece(7)), "no");
  assert.equal(pieces.admit(piece(8)), "more");
});

test("what is being said is over with its finished line, not with that of an agent within", () => {
  const said = (/** @type {object} */ line) => ends({ kind: "stream", seq: 1, line });
  assert.ok(said({ type: "assistant", parent_tool_use_id: null }));
  assert.ok(!said({ type: "assistant", parent_tool_use_id: "toolu_1" }));
  assert.ok(!said({ type: "user" }));
  assert.ok(ends({ kind: "turn_end", seq: 1 }));
  assert.ok(!ends({ kind: "note", seq: 1 }));
});

test("what was sent is gone back through, and what is being written waits", () => {
  const sent = new Sent(["a", "b"]);
  assert.equal(sent.earlier("draft"), "b");
  assert.equal(sent.earlier("b"), "a");
  assert.equal(sent.earlier("a"), null);
  assert.equal(sent.later(), "b");
  assert.equal(sent.later(), "draft");
  assert.equal(sent.later(), null);
  for (let n = 0; n < 60; n += 1) sent.add(String(n));
  sent.add("59");
  assert.equal(sent.lines.length, 50);
});

test("a model is completed from those there are", () => {
  const models = ["haiku", "opus", "opusplan"];
  assert.deepEqual(matching("/model op", models), ["/model opus", "/model opusplan"]);
  const completion = new Completion();
  assert.equal(completion.next("/model op", models), "/model opus");
  assert.equal(completion.next("/model opus", models), "/model opusplan");
});

test("what was found is shown with what stands around it", () => {
  const frame = { kind: "stream", seq: 3, line: { type: "assistant", uuid: "needle", message: { content: [{ type: "text", text: `${"x".repeat(90)} a\nNeedle here` }] } } };
  const [before, match, after] = stripped(textOf(frame), "needle");
  assert.equal(match, "Needle");
  assert.equal(after, " here");
  assert.ok(before.startsWith("…") && before.endsWith(" a ") && before.length === 41);
  assert.deepEqual(stripped("abc", "zz"), ["abc", "", ""]);
});

test("colours go, and what hides or turns is told by its number", () => {
  assert.equal(uncoloured("\u001b[1;31mred\u001b[0m\r\n\u001b[2K"), "red\n\u001b[2K");
  assert.ok(partsOf("\u001b").some((part) => part.isOdd && part.text === "U+001B"));
});

test("a picture in a result is named with its size", () => {
  const data = `${"A".repeat(20)}… (400000 characters)`;
  const content = [{ type: "text", text: "here" }, { type: "image", source: { type: "base64", media_type: "image/png", data } }, { type: "odd" }];
  assert.equal(resultText(content), "here\n[image: image/png, 300 kB]\n[odd]");
});

test("the context's colour is a part of what fits, where that is known", () => {
  assert.equal(contextTone(190_000, 1_000_000), "go");
  assert.equal(contextTone(160_000, 200_000), "danger");
  assert.equal(contextTone(120_000), "warm");
  assert.equal(price(0.004), "under $0.01");
  assert.equal(price(1.236), "$1.24");
});
