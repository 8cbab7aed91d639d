// @ts-check
import assert from "node:assert/strict";
import { test } from "node:test";

import { Completion, Sent, matching } from "../../hive/web/assets/agent_page/commands.js";
import { Pieces, ends, pieceOf } from "../../hive/web/assets/agent_page/partial.js";
import { pictureOf } from "../../hive/web/assets/agent_page/picture.js";
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

/** @param {string} head latin-1 @param {string} [type] */
const image = (head, type = "image/png") => {
  const data = Buffer.from(head.padEnd(40, "\0"), "latin1").toString("base64");
  return { type: "image", source: { type: "base64", media_type: type, data } };
};
const PNG = "\u0089PNG\r\n\u001a\n\0\0\0\rIHDR";

test("a picture is what its bytes say, whatever the agent says", () => {
  const shown = pictureOf(image(`${PNG}\0\0\u0002\u0080\0\0\u0001\u00e0`, "image/svg+xml"));
  assert.deepEqual([shown?.type, shown?.width, shown?.height, shown?.bytes], ["png", 640, 480, 40]);
  assert.ok(shown?.url.startsWith("data:image/png;base64,iVBOR"));
  const jpeg = "\u00ff\u00d8\u00ff\u00e0\0\u0004ab\u00ff\u00c2\0\u000b\b\0\u0003\0\u0005";
  assert.deepEqual([pictureOf(image(jpeg))?.type, pictureOf(image(jpeg))?.width, pictureOf(image(jpeg))?.height], ["jpeg", 5, 3]);
  assert.equal(pictureOf(image("GIF89a\u0002\u0001\u0003\0"))?.width, 258);
});

test("what is no picture, or would be too large a one, is only named", () => {
  const svg = "<svg xmlns='http://www.w3.org/2000/svg' onload='alert(1)'/>";
  const huge = `${PNG}\0\u0001\0\0\0\u0001\0\0`;
  const endless = "\u00ff\u00d8\u00ff\u00e0\0\0\u00ff\u00e0\0\0";
  for (const head of [svg, huge, `${PNG}\0\0\0\0`, "RIFFxxxxWEBPVP8 ", "RIFFxxxxWEBP????", endless, "GIF89a", ""]) {
    assert.equal(pictureOf(image(head, "image/png")), null, head);
  }
  const long = { type: "image", source: { type: "base64", media_type: "image/png", data: "A".repeat(65540) } };
  const odd = { type: "image", source: { type: "base64", media_type: "image/png", data: "\"onerror=" } };
  const far = { type: "image", source: { type: "url", url: "https://evil.example/a.png" } };
  for (const block of [long, odd, far, null, "image", { type: "image" }]) assert.equal(pictureOf(block), null);
});

test("the context's colour is a part of what fits, where that is known", () => {
  assert.equal(contextTone(190_000, 1_000_000), "go");
  assert.equal(contextTone(160_000, 200_000), "danger");
  assert.equal(contextTone(120_000), "warm");
  assert.equal(price(0.004), "under $0.01");
  assert.equal(price(1.236), "$1.24");
});
