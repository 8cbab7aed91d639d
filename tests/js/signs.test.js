import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import test from "node:test";

const ASSETS = new URL("../../hive/web/assets/", import.meta.url);
const read = (path) => readFileSync(new URL(path, ASSETS), "utf8");
/** What fonts without emoji lack, or show as a coloured picture unless they are told not to. */
const PICTURE = /\p{Emoji_Presentation}|[✂✉⚠]/gu;
const drawings = new Set([...read("shared/signs.js").matchAll(/^  "(.)": /gmu)].map(([, sign]) => sign));
/** Whatever writes one of these hands it to `drawn`: of a label the label does. */
const HANDED = /label\(|button\(|badge\(|jump\(|drawn\(|mail: |message: |leet: /;

test("what no font may be trusted with is drawn, wherever the pages write it", () => {
  const seen = new Set();
  for (const folder of ["shared", "dashboard", "agent_page"]) {
    for (const name of readdirSync(new URL(folder, ASSETS)).filter((one) => /\.(js|css|html)$/.test(one) && one !== "signs.js")) {
      for (const line of read(`${folder}/${name}`).split("\n")) {
        for (const [sign] of line.matchAll(PICTURE)) {
          seen.add(sign);
          assert.ok(drawings.has(sign) && HANDED.test(line), `${folder}/${name}: ${sign} in ${line.trim()}`);
        }
      }
    }
  }
  assert.deepEqual(seen, drawings);
});
