// @ts-check
/** One agent: its name, how it is, and what can be done with it. */

import { el, keyed, label, setAttr, setText } from "../shared/dom.js";
import { iconOf, linksOf } from "../shared/agent_looks.js";
import { actionForm } from "../shared/form.js";
import { count, timeTag } from "../shared/time.js";
import { linkTo } from "./address.js";
import { foldOf } from "./agent_fold.js";
import { badgesOf, draw } from "./badges.js";
import { showLogs } from "../shared/logs.js";
import { agentPage, forgeConfig, lifecycle, statistics } from "./urls.js";
import { shortSha } from "./words.js";

/** @typedef {import("../shared/wire.js").ContainerRow} ContainerRow */

/**
 * @typedef {{
 *   row: ContainerRow, forge: string | null, isMany: boolean, isHidden: boolean, isBroken: boolean,
 *   asks: boolean, depth: number | null
 * }} Shown
 * `isMany`: it has one line until it is opened; `isBroken` and `asks`: the operator is needed;
 * `depth`: below how many others it stands, null where nobody stands below another.
 */

/** Who stands deeper is drawn no deeper. */
const DEEPEST = 6;
const ASKS = { key: "asks", glyph: "?", text: "asks you", tone: "warm" };

/** @param {string} name @param {(name: string) => void} writeTo */
export function containerRow(name, writeTo) {
  const link = el("a", { class: "name", href: agentPage(name) }, name);
  const icon = iconOf();
  const links = linksOf(name);
  const kind = el("span", { class: "chip" });
  const badges = el("span", { class: "row badges" });
  const place = el("span", { class: "muted" });
  const context = el("span", { class: "chip", title: "tokens in the conversation at the last inference" });
  const deployed = el("span", { class: "deployed" });
  const stale = actionForm(
    { url: lifecycle("rebuild", name), leet: "", plain: "Rebuild", tone: "badge warm", title: "" },
    ["↻ ", el("span", { class: "word" }, "needs update"), el("span", { class: "sr-only" }, `: rebuild ${name}`)],
  );
  const stats = el("a", { class: "stats", href: statistics(name) }, ...label("◫ stats", "Statistics", `of ${name}`));
  const own = el("a", { class: "own", href: linkTo("agent", name), title: `a link to ${name}`, "aria-label": `Link to ${name}` }, "#");
  const status = el("p", { class: "status wrap", hidden: true });
  const note = el("p", { class: "why", hidden: true });
  const actions = el("div", { class: "row actions" });
  const logsButton = el("button", { type: "button", class: "link logs" }, `↳ logs`);
  setAttr(logsButton, "aria-label", `Logs of ${name}`);
  logsButton.addEventListener("click", () => void showLogs(name));
  const fold = foldOf(name);
  const below = el("span", { class: "sr-only" });
  const root = el(
    "li",
    { class: "panel agent", "data-agent": name },
    el("div", { class: "row top" }, fold.button, icon.root, link, own, below, kind, badges, stale.form, fold.brief),
    el("div", { class: "row meta" }, place, context, deployed, stats, logsButton),
    links.root,
    status,
    note,
    actions,
  );
  fold.listen(root);
  const buttons = actionsOf(name);
  const write = el("button", { type: "button", class: "calm" }, ...label("✎ WR1T3", "Write", `to ${name}`));
  write.addEventListener("click", () => writeTo(name));
  const rare = buttons.filter((one) => one.isRare);
  const more = el(
    "details",
    { class: "more" },
    el("summary", { "aria-label": `More actions for ${name}` }, "⋯"),
    el("div", { class: "row" }, ...rare.map((one) => one.form)),
  );
  const often = buttons.filter((one) => !one.isRare);
  actions.append(write, ...often.map((one) => one.form), more);
  /** @param {Shown} shown */
  const update = (shown) => {
    const { row, forge } = shown;
    root.hidden = shown.isHidden;
    fold.update(shown);
    icon.update(row.icon ?? "");
    links.update(row.links ?? []);
    setAttr(root, "data-needs", shown.isBroken ? "danger" : shown.asks ? "warm" : null);
    setAttr(root, "aria-level", shown.depth === null ? null : String(shown.depth + 1));
    root.style.setProperty("--depth", String(Math.min(shown.depth ?? 0, DEEPEST)));
    setText(below, shown.depth && row.parent ? `, below ${row.parent}` : "");
    if (kind.childElementCount === 0) kind.append(...(row.is_manager ? label("m1nd", "manager") : label("ag3nt", "agent")));
    setAttr(kind, "class", row.is_manager ? "chip mind" : "chip");
    setText(place, [row.container, row.isolation, row.active_model].filter(Boolean).join(" · "));
    place.hidden = place.textContent === "";
    context.hidden = row.ctx_tokens === null;
    setText(context, row.ctx_tokens === null ? "" : `ctx · ${count(row.ctx_tokens)}`);
    keyed(badges, [...badgesOf(row), ...(shown.asks ? [ASKS] : [])], (one) => JSON.stringify(one), (one) => ({ root: draw(one), update: () => undefined }));
    showDeployed(deployed, row, forge);
    showStatus(status, row);
    stale.form.hidden = !row.needs_update || Boolean(row.transient);
    showWhy(note, row);
    setAttr(root, "data-running", String(row.running));
    more.hidden = !rare.some((one) => one.shownFor(row));
    const isBusy = row.transient !== null && row.transient !== undefined;
    for (const { form, button, shownFor } of buttons) {
      form.hidden = !shownFor(row);
      setAttr(button, "aria-disabled", isBusy ? "true" : null);
    }
  };
  return { root, update };
}

/** @type {Record<string, string>} */
const TONES = { warning: "why wrap warm", error: "why wrap form-error" };

/**
 * Why it does not work, in the daemon's own sentence.
 * @param {HTMLElement} place @param {ContainerRow} row
 */
function showWhy(place, row) {
  const why = row.note ? row.why : null;
  place.hidden = !why;
  if (!why) return;
  setAttr(place, "class", TONES[why.level] ?? "why wrap muted");
  const isToMend = why.mend && why.level !== "notice";
  setText(place, isToMend ? `${why.sentence} — ${why.mend}` : why.sentence);
}

/**
 * The commit it was built from, and the way to it on the forge.
 * @param {HTMLElement} place @param {ContainerRow} row @param {string | null} forge
 */
function showDeployed(place, row, forge) {
  const shown = JSON.stringify([row.deployed_sha, row.deployed_tag, forge]);
  if (place.dataset.shown === shown) return;
  place.dataset.shown = shown;
  place.hidden = !row.deployed_sha;
  if (!row.deployed_sha) return;
  const title = `built from ${row.deployed_sha}${row.deployed_tag ? `, ${row.deployed_tag}` : ""}`;
  const code = el("code", { class: "chip", title }, `⎇ ${shortSha(row.deployed_sha).slice(0, 8)}`);
  const link = forge && el("a", { href: forgeConfig(forge, row.name), target: "_blank", rel: "noopener noreferrer" }, "forge ↗");
  if (link) setAttr(link, "aria-label", `Configuration of ${row.name} on the forge`);
  place.replaceChildren(code, ...(link ? [" ", link] : []));
}

/** @param {HTMLElement} place @param {ContainerRow} row */
function showStatus(place, row) {
  const shown = JSON.stringify([row.status_text, row.status_set_at]);
  if (place.dataset.shown === shown) return;
  place.dataset.shown = shown;
  place.hidden = !row.status_text;
  place.replaceChildren(
    row.status_text ?? "",
    " ",
    ...(row.status_set_at ? [timeTag(row.status_set_at, "ago")] : []),
  );
}

/**
 * @typedef {import("../shared/form.js").Action & {
 *   shownFor: (row: ContainerRow) => boolean, isRare?: boolean
 * }} RowAction
 */
const DESTROY =
  "Its container goes. Its files and its login are kept and can be revived under the same name.";
const PURGE =
  "Its container goes, and with it its files, its commits and its login. This cannot be undone. Its messages and open questions stay.";

/** @param {string} name */
function actionsOf(name) {
  /** @type {RowAction[]} */
  const all = [
    {
      url: lifecycle("start", name),
      leet: "▶ ST4RT",
      plain: "Start",
      tone: "go",
      shownFor: (row) => !row.running,
    },
    {
      url: lifecycle("restart", name),
      leet: "↺ R3ST4RT",
      plain: "Restart",
      shownFor: (row) => row.running,
    },
    { url: lifecycle("rebuild", name), leet: "↻ R3BU1LD", plain: "Rebuild", shownFor: () => true },
    {
      url: lifecycle("kill", name),
      leet: "■ ST0P",
      plain: "Stop",
      tone: "warm",
      shownFor: (row) => row.running && !row.is_manager,
    },
    {
      url: lifecycle("set-paused", name),
      leet: "▶ R3SUM3",
      plain: "Resume",
      tone: "go",
      fields: { paused: "false" },
      shownFor: (row) => row.paused,
    },
    {
      url: lifecycle("set-paused", name),
      leet: "‖ P4US3",
      plain: "Pause",
      tone: "warm quiet",
      fields: { paused: "true" },
      shownFor: (row) => !row.paused,
      isRare: true,
    },
    ending(name, "DESTR0Y", "Destroy", DESTROY, {}),
    ending(name, "PURG3", "Purge", PURGE, { purge: "true" }),
  ];
  return all.map((action) => {
    const words = label(action.leet, action.plain, name);
    const { shownFor, isRare } = action;
    return { ...actionForm(action, words), shownFor, isRare: isRare === true };
  });
}

/**
 * @param {string} name @param {string} leet @param {string} plain @param {string} confirm
 * @param {Record<string, string>} fields
 * @returns {RowAction}
 */
function ending(name, leet, plain, confirm, fields) {
  return {
    url: lifecycle("destroy", name),
    leet,
    plain,
    tone: "danger quiet",
    danger: true,
    title: `${plain} ${name}?`,
    button: plain,
    confirm,
    fields,
    shownFor: (row) => !row.is_manager,
    isRare: true,
  };
}
