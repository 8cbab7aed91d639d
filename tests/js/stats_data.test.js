import assert from "node:assert/strict";
import test from "node:test";

import { charts, counts, dollars, figure, inWords, marks, moment, spoken, stacked, tiles, tokens, windowOf } from "../../hive/web/assets/agent_page/stats_data.js";

const bucket = (start, fields = {}) => ({ start, turns: 0, tokens: {}, results: {}, wakes: {}, models: {}, ...fields });
const some = {
  turns: 3, bucket_seconds: 300, cost_usd: 0.02, unpriced: 1, context_last: 900, context_window: 200000, messages: 3,
  tokens: { input: 5, output: 6 }, results: { ok: 2, rate_limited: 1 }, wakes: { peer: 3 }, models: { opus: 3 },
  buckets: [bucket(0, { results: { ok: 2 }, cost_usd: 0.02, duration_p50_ms: 9 }), bucket(300, { results: { rate_limited: 1 }, duration_p50_ms: null })],
};

test("an address names a window or means the usual one", () => {
  assert.equal(windowOf("?window=7d"), "7d");
  assert.equal(windowOf("?window=9d"), "24h");
  assert.equal(windowOf(""), "24h");
  assert.equal(inWords("4h"), "4 hours");
});

test("what is no figure is none", () => {
  assert.deepEqual([3, 0, -1, NaN, "3", null, undefined].map(figure), [3, 0, null, null, null, null, null]);
  assert.deepEqual(counts({ a: 2, b: "x" }), [["a", 2], ["b", 0]]);
  assert.deepEqual(counts("ab"), []);
});

test("figures have units that fit their size", () => {
  assert.deepEqual([950, 1234, 45678, 1234567, 45600000].map(tokens), ["950", "1.2k", "46k", "1.23M", "45.6M"]);
  assert.deepEqual([0, 0.0042, 1.254].map(dollars), ["$0.00", "$0.0042", "$1.25"]);
});

test("each pile is as high as all below it, and the last is the sum", () => {
  assert.deepEqual(stacked([[1, null], [2, 5], [0, 1]]), [[1, 0], [3, 5], [3, 6]]);
});

test("a chart has a value for every bucket, and none where there is no figure", () => {
  const found = charts(some);
  assert.deepEqual(found.map((each) => each.id), ["turns", "duration", "tokens", "cost", "models", "context", "wakes"]);
  assert.deepEqual(found[0].series.map((each) => [each.name, each.tone, each.values, each.total]), [
    ["ok", "green", [2, 0], "2"],
    ["rate limited", "orange", [0, 1], "1"],
  ]);
  assert.deepEqual(found[1].series[1].values, [9, null]);
  assert.equal(found[0].until, 600);
  assert.equal(spoken(found[0]), "Turns: How they ended. In all: ok 2, rate limited 1. The table below has every figure.");
});

test("without a turn there is no chart, and nonsense is no turn", () => {
  assert.deepEqual(charts({ ...some, turns: 0 }), []);
  for (const odd of [null, 7, {}, { turns: 2 }, { turns: 2, buckets: "x" }]) assert.deepEqual(charts(odd), []);
  assert.equal(charts({ turns: 1, buckets: [null, 3] }).length, 7);
  assert.equal(tiles(null)[0][1], "–");
});

test("the cost says that it is list price and how many turns have none", () => {
  const cost = tiles(some).find(([name]) => name === "Cost");
  assert.deepEqual(cost, ["Cost", "$0.0200", "list price; 1 turn without a figure"]);
});

test("a day stands once on the axis, and alone where only days are marked", () => {
  const noon = new Date(2026, 10, 28, 12).getTime() / 1000;
  assert.equal(moment(noon), "11-28 12:00");
  assert.deepEqual(marks([noon, noon + 3600, noon + 13 * 3600]), ["12:00\n11-28", "13:00", "01:00\n11-29"]);
  assert.deepEqual(marks([noon, noon + 86400]), ["11-28", "11-29"]);
});
