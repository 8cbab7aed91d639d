// @ts-check
/** One chart: drawn by uPlot, with a legend that follows the pointer and a table of every figure. */

import { el, setText } from "../shared/dom.js";
import { marks, moment, spoken, stacked } from "./stats_data.js";

/** @typedef {import("./stats_data.js").Chart} Chart */

const HEIGHT = 190;
const AXIS = 66;
/** What the words below a chart need. */
const BELOW = 34;
const LIBRARY = "../vendor/uplot.js";
/** @type {any} */
let UPlot = null;

/** Load the library; without it the tables are there all the same. Never rejects. */
export async function loadCharts() {
  try {
    UPlot = (await import(LIBRARY)).default;
  } catch {
    UPlot = null;
  }
}

/** @param {string} name of a colour of the palette @returns {string} as a canvas takes it */
function colour(name) {
  const probe = el("span", { class: `tone-${name}`, hidden: true });
  document.body.append(probe);
  const found = getComputedStyle(probe).color;
  probe.remove();
  return found;
}

/** @param {Chart} chart */
export function chartView(chart) {
  const values = chart.series.map(() => el("span", { class: "value" }));
  const at = el("span", { class: "time" });
  const legend = el(
    "ul",
    { class: "legend" },
    ...chart.series.map((each, place) => el("li", {}, el("span", { class: `swatch tone-${each.tone}`, "aria-hidden": "true" }), `${each.name} `, values[place])),
    el("li", {}, at),
  );
  const place = el("div", { class: "plot", role: "img", "aria-label": spoken(chart) });
  const table = el("details", { class: "figures" }, el("summary", {}, "As a table"));
  table.addEventListener("toggle", () => {
    if (table.open && table.childElementCount === 1) table.append(figures(chart));
  });
  const root = el(
    "figure",
    { class: "panel card chart", id: `chart-${chart.id}` },
    el("figcaption", {}, el("h2", {}, chart.title), el("p", { class: "muted" }, chart.about)),
    place,
    legend,
    table,
  );
  /** @param {number | null | undefined} index of the bucket under the pointer, none: all of them */
  const point = (index) => {
    chart.series.forEach((each, number) => {
      const value = index === null || index === undefined ? null : each.values[index];
      setText(values[number], index === null || index === undefined ? each.total : value === null ? "–" : chart.format(value));
    });
    setText(at, index === null || index === undefined ? "" : `from ${moment(chart.starts[index])}`);
  };
  point(null);
  /** @type {any} */
  let drawn = null;
  const draw = () => {
    drawn?.destroy();
    drawn = null;
    place.hidden = UPlot === null;
    if (UPlot === null || place.clientWidth === 0) return;
    drawn = new UPlot(options(chart, place.clientWidth, point), data(chart), place);
  };
  const watch = new ResizeObserver(() => {
    if (drawn === null) draw();
    else if (drawn.width !== place.clientWidth) drawn.setSize({ width: place.clientWidth, height: HEIGHT });
  });
  watch.observe(place);
  const destroy = () => {
    watch.disconnect();
    drawn?.destroy();
    drawn = null;
  };
  return { root, draw, destroy };
}

/** The greatest pile first, so that each covers the part of it that is not its own. @param {Chart} chart */
function data(chart) {
  const columns = chart.series.map((each) => each.values);
  return [chart.starts, ...(chart.isStacked ? stacked(columns).reverse() : columns)];
}

/** @param {Chart} chart @param {number} width @param {(index: number | null | undefined) => void} point */
function options(chart, width, point) {
  const series = chart.series.map((each) => ({ label: each.name, colour: colour(each.tone) }));
  const bars = UPlot.paths.bars({ size: [0.82, 48], align: 1 });
  const line = { color: colour("line"), width: 1 };
  const axis = { stroke: colour("muted"), grid: { stroke: line.color, width: 1 }, ticks: { stroke: line.color, width: 1 }, font: "11px ui-monospace, monospace" };
  return {
    width,
    height: HEIGHT,
    legend: { show: false },
    cursor: { drag: { x: false, y: false, setScale: false }, points: { show: !chart.isStacked }, y: false },
    scales: {
      x: { time: true, range: () => [chart.starts[0], chart.until] },
      y: { range: (/** @type {any} */ _u, /** @type {number} */ _least, /** @type {number} */ most) => [0, (most || 1) * 1.05] },
    },
    axes: [
      { ...axis, size: BELOW, space: 64, values: (/** @type {any} */ _u, /** @type {number[]} */ splits) => marks(splits) },
      { ...axis, size: AXIS, space: 32, values: (/** @type {any} */ _u, /** @type {number[]} */ splits) => splits.map(chart.format) },
    ],
    series: [
      {},
      ...(chart.isStacked ? [...series].reverse() : series).map((each) =>
        chart.isStacked
          ? { label: each.label, fill: each.colour, stroke: each.colour, width: 0, paths: bars, points: { show: false } }
          : { label: each.label, stroke: each.colour, width: 2, spanGaps: false, points: { show: true, size: 5, fill: each.colour } },
      ),
    ],
    hooks: { setCursor: [(/** @type {any} */ u) => point(u.cursor.left < 0 ? null : u.cursor.idx)] },
  };
}

/** @param {Chart} chart */
function figures(chart) {
  const head = el("tr", {}, el("th", { scope: "col" }, "from"), ...chart.series.map((each) => el("th", { scope: "col" }, each.name)));
  const rows = chart.starts.map((start, place) =>
    el(
      "tr",
      {},
      el("th", { scope: "row" }, moment(start)),
      ...chart.series.map((each) => {
        const value = each.values[place];
        return el("td", {}, value === null ? "–" : chart.format(value));
      }),
    ),
  );
  const all = el("tr", { class: "all" }, el("th", { scope: "row" }, "in all"), ...chart.series.map((each) => el("td", {}, each.total)));
  return el(
    "div",
    { class: "scroll", tabindex: "0", role: "region", "aria-label": `${chart.title} as a table` },
    el("table", {}, el("caption", { class: "sr-only" }, `${chart.title}: ${chart.about}`), el("thead", {}, head), el("tbody", {}, ...rows), el("tfoot", {}, all)),
  );
}
