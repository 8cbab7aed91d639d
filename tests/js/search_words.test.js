import assert from "node:assert/strict";
import test from "node:test";

import { addressOf, askedIn, messageIn, pieces, withChip, written } from "../../hive/web/assets/dashboard/search_words.js";

const term = (text, is_prefix = false) => ({ text, is_prefix });
const chip = (key, value) => ({ key, value });

test("what was read is written so that it is read as that again", () => {
  const terms = [term("deploy"), term("the report"), term("chec", true), term("error:x"), term("in par", true)];
  const chips = [chip("from", "bob"), chip("to", "a b")];
  assert.equal(written(terms, chips), 'deploy "the report" chec* "error:x" "in par"* from:bob to:"a b"');
  assert.equal(written([], []), "");
});

test("a filter takes the place of another of its kind", () => {
  const chips = [chip("kind", "event"), chip("from", "bob")];
  assert.deepEqual(withChip(chips, "kind", "turn"), [chip("from", "bob"), chip("kind", "turn")]);
  assert.deepEqual(withChip(chips, "kind", ""), [chip("from", "bob")]);
});

test("marks count characters, whatever the browser counts", () => {
  assert.deepEqual(pieces("🎉 a word", [[4, 8]]), [
    { text: "🎉 a ", isMarked: false },
    { text: "word", isMarked: true },
  ]);
  assert.deepEqual(pieces("ab", []), [{ text: "ab", isMarked: false }]);
  assert.deepEqual(pieces("ab", [[0, 1], [1, 2]]).map((piece) => piece.text), ["a", "b"]);
});

test("an address keeps a search and a message", () => {
  const address = addressOf('in:42 "a&b"', "#message-7");
  assert.equal(askedIn(address.slice(1).split("#")[0]), 'in:42 "a&b"');
  assert.equal(messageIn("#message-7"), 7);
  assert.equal(messageIn("#message-x"), null);
  assert.equal(addressOf("", ""), "/");
});
