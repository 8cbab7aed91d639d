import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import test from "node:test";

const css = readFileSync(new URL("../../hive/web/assets/shared/palette.css", import.meta.url), "utf8");
const palette = new Map(
  [...css.matchAll(/--([\w-]+): light-dark\((#\w{6}), (#\w{6})\)/g)].map(([, name, light, dark]) => [name, { light, dark }]),
);
const GROUNDS = ["bg", "bg-deep", "bg-sunk", "panel", "raised"];
const TEXTS = ["fg", "fg-soft", "fg-muted", "amber", "orange", "cyan", "blue", "mauve", "green", "red"];
/** The strongest tint that lies behind text of the same colour: a hovered button. */
const TINT = 0.16;

const channels = (hex) => [1, 3, 5].map((at) => Number.parseInt(hex.slice(at, at + 2), 16));
const mix = (over, under, share) => over.map((value, index) => value * share + under[index] * (1 - share));

function luminance(rgb) {
  const [r, g, b] = rgb.map((value) => {
    const part = value / 255;
    return part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4;
  });
  return 0.2126 * r + 0.7152 * g + 0.0722 * b;
}

function contrast(one, other) {
  const [high, low] = [luminance(one), luminance(other)].sort((a, b) => b - a);
  return (high + 0.05) / (low + 0.05);
}

for (const theme of ["light", "dark"]) {
  const colour = (name) => channels(palette.get(name)[theme]);

  test(`text reaches 4.5:1 on every ground, ${theme}`, () => {
    for (const text of TEXTS) {
      for (const ground of GROUNDS) {
        const ratio = contrast(colour(text), colour(ground));
        assert.ok(ratio >= 4.5, `${text} on ${ground}: ${ratio.toFixed(2)}`);
      }
    }
  });

  test(`text reaches 4.5:1 on a tint of its own colour, ${theme}`, () => {
    for (const text of TEXTS) {
      for (const ground of ["bg", "bg-deep", "panel"]) {
        const ratio = contrast(colour(text), mix(colour(text), colour(ground), TINT));
        assert.ok(ratio >= 4.5, `${text} on its tint over ${ground}: ${ratio.toFixed(2)}`);
      }
    }
  });

  test(`borders of fields and the focus ring reach 3:1, ${theme}`, () => {
    for (const line of ["line-strong", "focus"]) {
      for (const ground of ["bg", "bg-deep", "panel"]) {
        const ratio = contrast(colour(line), colour(ground));
        assert.ok(ratio >= 3, `${line} on ${ground}: ${ratio.toFixed(2)}`);
      }
    }
  });
}
