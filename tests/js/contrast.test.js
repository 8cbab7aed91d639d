import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import test from "node:test";

const ASSETS = new URL("../../hive/web/assets/", import.meta.url);
const read = (path) => readFileSync(new URL(path, ASSETS), "utf8");
const palette = new Map(
  [...read("shared/palette.css").matchAll(/--([\w-]+): light-dark\((#\w{6}), (#\w{6})\)/g)].map(([, name, light, dark]) => [name, { light, dark }]),
);
const GROUNDS = ["bg", "bg-deep", "bg-sunk", "panel", "raised"];
const TONES = ["amber", "orange", "cyan", "blue", "mauve", "green", "red"];
const TEXTS = ["fg", "fg-soft", "fg-muted", ...TONES];

/** Every rule of every style sheet of ours: `{file, selector, body}`, media queries looked into. */
const rules = ["shared", "dashboard", "agent_page"].flatMap((folder) =>
  readdirSync(new URL(folder, ASSETS))
    .filter((name) => name.endsWith(".css"))
    .flatMap((name) =>
      [...read(`${folder}/${name}`).replace(/\/\*[\s\S]*?\*\//g, "").matchAll(/([^{}]+)\{([^{}]*)\}/g)].map(([, selector, body]) => ({
        file: name,
        selector: selector.trim(),
        body,
      })),
    ),
);
/** Grounds made of a share of a colour: what `color-mix` says in any rule, however it is nested. */
const tints = rules.flatMap(({ file, selector, body }) => {
  const found = /background: color-mix\(in srgb, var\(--([\w-]+)\) ([\d.]+)%, (transparent|var\(--([\w-]+)\))\)/.exec(body);
  // What is pressed is the tone itself, with text of its own: see below.
  return found && !selector.includes(".primary") ? [{ where: `${file} ${selector}`, name: found[1], share: Number(found[2]) / 100, over: found[4] ?? null }] : [];
});

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

/** A colour's name in a rule, as `var(--red)` or `#11111b`; null where it is neither. */
function meant(value) {
  return /^var\(--([\w-]+)\)$/.exec(value)?.[1] ?? (/^#\w{6}$/.test(value) ? value : null);
}

test("the style sheets are read: there are rules and tints in them", () => {
  assert.ok(rules.length > 300);
  assert.ok(tints.length > 20);
});

test("no colour is written but in the palette, save for the pill's and white on what is pressed", () => {
  const written = rules.filter(({ file }) => file !== "palette.css").flatMap(({ body }) => body.match(/#[0-9a-f]{3,8}\b/g) ?? []);
  assert.deepEqual([...new Set(written)].sort(), ["#11111b", "#f9e2af", "#fff", "#fff1cc"]);
});

for (const theme of ["light", "dark"]) {
  const colour = (name) => channels(name.startsWith("#") ? name : palette.get(name)[theme]);
  const reaches = (text, ground, least, where) => {
    const ratio = contrast(text, ground);
    assert.ok(ratio >= least, `${where}: ${ratio.toFixed(2)}`);
  };

  test(`text reaches 4.5:1 on every ground, ${theme}`, () => {
    for (const text of TEXTS) {
      for (const ground of GROUNDS) reaches(colour(text), colour(ground), 4.5, `${text} on ${ground}`);
    }
  });

  test(`text reaches 4.5:1 on every tint of the style sheets, ${theme}`, () => {
    for (const { where, name, share, over } of tints) {
      for (const tone of palette.has(name) ? [name] : [...TONES, "fg-soft", "fg-muted"]) {
        for (const ground of over ? [over] : ["bg", "bg-deep", "panel"]) {
          const tinted = mix(colour(tone), colour(ground), share);
          // A tint of a tone has text of that tone on it, or plain text.
          for (const text of new Set([TEXTS.includes(tone) ? tone : "fg", "fg", "fg-soft"])) {
            reaches(colour(text), tinted, 4.5, `${where}: ${text} on ${share} of ${tone} over ${ground}`);
          }
        }
      }
    }
  });

  test(`a rule that sets text and ground itself reaches 4.5:1, ${theme}`, () => {
    let checked = 0;
    for (const { file, selector, body } of rules) {
      const text = meant(/(?:^|[;\s])color: ([^;]+?);/.exec(body)?.[1] ?? "");
      const ground = meant(/background: ([^;]+?);/.exec(body)?.[1] ?? "");
      if (text === null || ground === null) continue;
      checked += 1;
      for (const tone of ground === "tone" || text === "tone" ? TONES : ["fg"]) {
        const of = (name) => colour(name === "tone" ? tone : name);
        // What is pressed says so in white where the theme is light.
        const own = selector.includes(".primary") && theme === "light" ? [255, 255, 255] : of(text);
        reaches(own, of(ground), 4.5, `${file} ${selector}: ${text} on ${ground} ${tone}`);
      }
    }
    assert.ok(checked >= 8, `${checked} rules`);
  });

  test(`a pressed button that is pointed at still reaches 4.5:1, ${theme}`, () => {
    const text = theme === "light" ? [255, 255, 255] : colour("bg-sunk");
    for (const tone of TONES) reaches(text, mix(colour(tone), colour("fg"), 0.88), 4.5, tone);
  });

  test(`borders of fields, marks at the edge, charts and the focus ring reach 3:1, ${theme}`, () => {
    for (const line of ["line-strong", "focus", "fg-muted", ...TONES]) {
      for (const ground of ["bg", "bg-deep", "panel"]) reaches(colour(line), colour(ground), 3, `${line} on ${ground}`);
    }
    for (const ground of ["bg-sunk", "raised"]) reaches(colour("focus"), colour(ground), 3, `focus on ${ground}`);
  });
}
