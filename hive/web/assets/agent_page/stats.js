// @ts-check
/** The statistics of one agent: a window is chosen by the address, and read anew while it is seen. */

import { getJson, sentence } from "../shared/api.js";
import { installCommands, press } from "../shared/commands.js";
import { el, label, must, setAttr, setText } from "../shared/dom.js";
import { appearance } from "../shared/theme.js";
import { chartView, loadCharts } from "./stats_chart.js";
import { WINDOWS, charts, counts, figure, inWords, tiles, windowOf } from "./stats_data.js";
import { agentName, exported, statistics } from "./urls.js";

const AGAIN_MS = 30000;

const name = agentName();
const main = must("#main");
const trouble = must("#trouble");
let chosen = windowOf(location.search);
/** @type {any} */
let stats = null;
let asked = 0;
/** @type {{draw: () => void, destroy: () => void}[]} */
let views = [];

const links = WINDOWS.map((each) => el("a", { class: "button calm", href: `?window=${each}`, "data-window": each, "aria-label": `${each}: the last ${inWords(each)}` }, each));
const csv = el("a", { class: "button quiet calm" }, ...label("⇣ CSV", "Turns as CSV"));
const json = el("a", { class: "button quiet calm" }, ...label("⇣ JSON", "Turns as JSON"));
must("#head").append(
  el(
    "div",
    { class: "row" },
    el("a", { class: "button quiet calm", href: "./" }, ...label(`← ${name}`, `Back to the page of ${name}`)),
    el("h1", {}, `${name} `, el("span", { class: "muted" }, "statistics")),
    el("span", { class: "row push", id: "own-tools" }, appearance()),
  ),
  el("div", { class: "row" }, el("nav", { class: "row windows", "aria-label": "How far to look back" }, ...links), el("span", { class: "row push" }, csv, json)),
);

installCommands(must("#own-tools"), [{ keys: "b", does: "back to the agent", run: press("#head a.button") }]);

/** @param {MouseEvent} event */
function choose(event) {
  const link = /** @type {HTMLElement} */ (event.currentTarget);
  if (event.button !== 0 || event.metaKey || event.ctrlKey || event.shiftKey || event.altKey) return;
  event.preventDefault();
  if (link.dataset.window === chosen) return;
  history.pushState(null, "", `?window=${link.dataset.window}`);
  turnTo(windowOf(location.search));
}
for (const link of links) link.addEventListener("click", choose);
window.addEventListener("popstate", () => turnTo(windowOf(location.search)));

/** @param {string} wanted */
function turnTo(wanted) {
  chosen = wanted;
  for (const link of links) setAttr(link, "aria-current", link.dataset.window === chosen ? "page" : null);
  document.title = `${name} · ${chosen} · statistics`;
  for (const [link, kind] of /** @type {[HTMLAnchorElement, string][]} */ ([[csv, "csv"], [json, "json"]])) {
    link.href = exported(kind, chosen);
    link.download = `${name}-turns-${chosen}.${kind}`;
  }
  void read();
}

async function read() {
  asked += 1;
  const mine = asked;
  setAttr(main, "aria-busy", "true");
  try {
    const found = await getJson(statistics(chosen));
    if (mine !== asked) return; // another window was chosen meanwhile
    trouble.hidden = true;
    stats = found;
    show();
  } catch (error) {
    if (mine !== asked) return;
    setText(trouble, `The statistics could not be read: ${sentence(error)}`);
    trouble.hidden = false;
  }
  setAttr(main, "aria-busy", null);
}

function show() {
  const open = new Set([...main.querySelectorAll("details[open]")].map((each) => each.parentElement?.id));
  for (const view of views) view.destroy();
  const faults = Array.isArray(stats?.faults) ? stats.faults : [];
  must("#faults").replaceChildren(...faults.map((/** @type {unknown} */ each) => el("p", { class: "strip bad", role: "status" }, String(each))));
  if (!figure(stats?.turns)) {
    views = [];
    main.replaceChildren(el("p", { class: "empty" }, `No turn of ${name} ended in the last ${inWords(chosen)}. A turn is counted when it is over.`));
    return;
  }
  const drawn = charts(stats).map(chartView);
  views = drawn;
  const about = stats.is_cut === true ? [el("p", { class: "strip warning" }, `There were more turns: only the newest ${stats.turns_most} are counted.`)] : [];
  main.replaceChildren(
    ...about,
    el("dl", { class: "tiles" }, ...tiles(stats).map(([title, value, more]) => el("div", { class: "panel tile" }, el("dt", {}, title), el("dd", { class: "figure" }, value), el("dd", { class: "muted" }, more)))),
    el("div", { class: "grid" }, ...drawn.map((view) => view.root), breakdown("tools", "Tools", "How often each was called", stats.tools), breakdown("senders", "Senders", "Turns by who wrote the message", stats.senders)),
    el("p", { class: "muted" }, "Costs are US dollars at list price, as claude itself reckons them; an account with a plan pays otherwise. A download has the newest 20,000 turns of the window."),
  );
  for (const view of views) view.draw();
  for (const id of open) main.querySelector(`#${id} details`)?.setAttribute("open", "");
}

/** @param {string} id @param {string} title @param {string} about @param {unknown} found */
function breakdown(id, title, about, found) {
  const rows = counts(found);
  const most = Math.max(1, ...rows.map(([, count]) => count));
  return el(
    "section",
    { class: "panel card chart", id: `chart-${id}` },
    el("h2", {}, title),
    el("p", { class: "muted" }, about),
    rows.length === 0 && el("p", { class: "muted" }, "None."),
    el(
      "table",
      { class: "breakdown" },
      el("caption", { class: "sr-only" }, `${title}: ${about}`),
      el("thead", { class: "sr-only" }, el("tr", {}, el("th", { scope: "col" }, "name"), el("th", { scope: "col" }, "count"), el("th", { scope: "col" }, "share"))),
      el(
        "tbody",
        {},
        ...rows.map(([word, count]) =>
          el("tr", {}, el("th", { scope: "row", class: "wrap" }, word), el("td", {}, String(count)), el("td", {}, el("meter", { min: "0", max: String(most), value: String(count), "aria-label": `${count} of ${most}` }))),
        ),
      ),
    ),
  );
}

const redraw = () => {
  for (const view of views) view.draw();
};
// A canvas does not follow the theme by itself.
new MutationObserver(redraw).observe(document.documentElement, { attributeFilter: ["data-theme"] });
matchMedia("(prefers-color-scheme: dark)").addEventListener("change", redraw);
setInterval(() => {
  if (!document.hidden) void read();
}, AGAIN_MS);
document.addEventListener("visibilitychange", () => {
  if (!document.hidden) void read();
});

await loadCharts();
turnTo(chosen);
