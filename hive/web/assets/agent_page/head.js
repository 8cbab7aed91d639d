// @ts-check
/** Name, state, model, context, last turn, and the controls of a turn. */

import { el, label, setAttr, setText } from "../shared/dom.js";
import { iconOf, linksOf } from "../shared/agent_looks.js";
import { actionForm } from "../shared/form.js";
import { limitsMet } from "../shared/limits.js";
import { showLogs } from "../shared/logs.js";
import { appearance } from "../shared/theme.js";
import { count, duration, stopTicking, ticking, turnLength } from "../shared/time.js";
import { chooseModel } from "./model.js";
import { contextTokens, contextTone, modelsOf, price, remark } from "./state.js";
import { whyStrip } from "./why.js";
import { CANCEL, COMPACT, DASHBOARD, NEW_SESSION, SCREEN, STATS, agentName, rebuild, setPaused } from "./urls.js";

/** @typedef {import("../shared/wire.js").AgentState} AgentState */

/** @type {Record<string, [string, string, string]>} */
const TURN = {
  idle: ["●", "idle", "go"],
  thinking: ["◆", "thinking", "warm pulse"],
  compacting: ["◆", "compacting", "mauve pulse"],
  offline: ["○", "offline", ""],
};
/** @type {Record<string, string>} */
const TONES = { notice: "warm", warning: "warm", error: "danger" };

/** @param {HTMLElement} place @param {HTMLElement} connection @param {HTMLElement} detail */
export function headView(place, connection, detail) {
  const name = el("h1", {}, agentName());
  const icon = iconOf();
  const links = linksOf(agentName());
  const role = el("span", { class: "chip", hidden: true });
  const glyph = el("span", { class: "glyph", "aria-hidden": "true" });
  const word = el("span");
  const age = el("span", { class: "age" });
  const turn = el("span", { class: "badge", id: "turn-state", hidden: true }, glyph, word, el("span", { "aria-hidden": "true" }, "·"), age);
  const status = el("span", { class: "badge", id: "status", hidden: true });
  const model = el("button", { type: "button", class: "badge", id: "model", hidden: true, title: "Choose the model of the next turns" });
  /** @type {readonly string[]} */
  let models = [];
  /** @type {string | null} */
  let present = null;
  model.addEventListener("click", () => chooseModel(models, present));
  const ctx = el("span", { class: "badge", id: "ctx", hidden: true, title: "What the conversation holds now; compacting makes it smaller" });
  const cost = el("span", { class: "badge", id: "cost", hidden: true, title: "All tokens of the last turn, every call to the model counted" });
  const paid = el("span", { class: "badge", id: "price", hidden: true, title: "What this conversation has cost so far at list price, by claude's own sum; an account with a plan pays otherwise" });
  const last = el("span", { class: "badge", id: "last-turn", hidden: true });
  const limits = el("span", { class: "badge danger", id: "limits", hidden: true });
  const stale = el("span", { class: "badge warm", id: "stale", hidden: true, title: "An older hive built it: rebuild it" });
  const cancel = control(CANCEL, "■ C4NC3L", "Cancel turn", "danger");
  const pause = control(setPaused(name.textContent ?? ""), "‖ P4US3", "Pause", "", { fields: { paused: "true" } });
  const resume = control(setPaused(name.textContent ?? ""), "▶ R3SUM3", "Resume", "go", { fields: { paused: "false" } });
  const compact = control(COMPACT, "⇲ C0MP4CT", "Compact context", "");
  const fresh = control(NEW_SESSION, "✦ N3W S3SS10N", "New session", "", {
    title: "Begin a new session?",
    confirm: "The conversation so far is forgotten. Files and messages stay.",
    button: "Begin anew",
  });
  const build = control(rebuild(name.textContent ?? ""), "↻ R3BU1LD", "Rebuild", "");
  const stats = el("a", { href: STATS }, ...label("◫ ST4TS", "Statistics"));
  const screen = el("a", { href: SCREEN, hidden: true }, ...label("▭ SCR33N", "Screen"));
  const logs = el("button", { type: "button", class: "link", id: "logs" }, ...label("≡ L0GS", "Logs"));
  logs.addEventListener("click", () => void showLogs(name.textContent ?? ""));
  place.append(
    el(
      "div",
      { class: "row title" },
      el("a", { class: "button quiet calm", href: DASHBOARD }, ...label("← D4SHB04RD", "Dashboard")),
      icon.root,
      name,
      role,
      el("nav", { class: "row links", "aria-label": "Pages of this agent" }, stats, screen, logs),
      el("span", { class: "row push controls" }, cancel.form, pause.form, resume.form, compact.form, fresh.form, build.form),
      el("span", { class: "row" }, connection, appearance()),
    ),
    el(
      "div",
      { class: "row", role: "group", "aria-label": "State" },
      turn, status, limits, stale, model, ctx, last, cost, paid,
    ),
    links.root,
  );
  /** @type {ReturnType<typeof remark>} */
  let said = null;
  /** @type {ReturnType<typeof whyStrip>} */
  let why = null;
  const showDetail = () => {
    const advice = why ?? said;
    detail.hidden = advice === null;
    setAttr(detail, "class", `strip ${advice?.tone ?? ""}`);
    setText(detail, advice?.text ?? "");
  };
  let shownTurn = "";
  /** @param {AgentState} state */
  const showTurn = (state) => {
    const [sign, text, tone] = TURN[state.turn_state] ?? ["·", state.turn_state, ""];
    const key = `${state.turn_state} ${state.turn_state_since}`;
    if (key === shownTurn) return;
    const isFirst = shownTurn === "";
    shownTurn = key;
    setAttr(turn, "class", `badge ${tone}${isFirst ? "" : " flash"}`);
    turn.dataset.state = state.turn_state;
    setText(glyph, sign);
    setText(word, text);
    stopTicking(age);
    ticking(age, (now) => duration(now - state.turn_state_since));
  };
  turn.addEventListener("animationend", (event) => {
    if (event.animationName === "flash") turn.classList.remove("flash");
  });
  /** @param {AgentState} state */
  const update = (state) => {
    setText(name, state.label);
    turn.hidden = false;
    role.hidden = state.seq < 0;
    document.title = `${state.turn_state === "idle" ? "" : "◆ "}${state.label} · hyperhive`;
    if (role.dataset.role !== state.role) {
      role.dataset.role = state.role;
      role.replaceChildren(...(state.role === "manager" ? label("m1nd", "manager") : label("ag3nt", "agent")));
    }
    showTurn(state);
    badge(model, state.model ? `model · ${state.model}` : "", "calm");
    models = modelsOf(state);
    present = state.model;
    screen.hidden = state.screen !== true;
    const tokens = contextTokens(state.ctx_usage);
    const window = state.context_window ?? null;
    badge(ctx, tokens ? `ctx · ${count(tokens)}${window ? ` of ${count(window)}` : ""}` : "", contextTone(tokens, window));
    if (tokens && !window) ctx.append(el("span", { class: "unit" }, " tokens"));
    const spent = contextTokens(state.cost_usage);
    badge(cost, spent ? `spent · ${count(spent)} tokens` : "", "");
    badge(paid, state.cost_usd ? `${price(state.cost_usd)} list price` : "", "");
    badge(last, state.last_turn_ms === null ? "" : `last turn · ${turnLength(state.last_turn_ms)}`, "");
    const isOff = state.turn_state === "offline";
    setAttr(cancel.button, "aria-disabled", isOff || state.turn_state === "idle" ? "true" : null);
    pause.form.hidden = state.status === "paused";
    resume.form.hidden = state.status !== "paused";
    for (const one of [compact, fresh]) setAttr(one.button, "aria-disabled", isOff ? "true" : null);
    said = remark(state);
    showDetail();
  };
  /** @param {import("../shared/wire.js").Reason | null} reason why it does not work */
  const showWhy = (reason) => {
    why = whyStrip(reason);
    const isShown = reason !== null && reason.code !== "stopped" && why !== null;
    badge(status, isShown ? reason.word : "", TONES[reason?.level ?? ""] ?? "");
    showDetail();
  };
  /** @param {import("../shared/wire.js").ContainerRow | null} row as the dashboard shows it */
  const showRow = (row) => {
    // While the agent is away there is no row; who it is stays.
    if (row) icon.update(row.icon ?? "");
    if (row) links.update(row.links ?? []);
    const keys = row?.limits_met ?? [];
    const { text, title } = limitsMet(keys);
    badge(limits, keys.length ? `▲ ${text}` : "", "danger");
    setAttr(limits, "title", title);
    badge(stale, row?.needs_update ? "↻ needs update" : "", "warm");
  };
  return { update, showRow, showWhy };
}

/** @param {HTMLElement} node @param {string} text @param {string} tone */
function badge(node, text, tone) {
  node.hidden = text === "";
  setText(node, text);
  setAttr(node, "class", `badge ${tone}`);
}

/**
 * @param {string} url @param {string} leet @param {string} plain @param {string} tone
 * @param {Partial<import("../shared/form.js").Action>} [more]
 */
function control(url, leet, plain, tone, more = {}) {
  return actionForm({ url, leet, plain, tone, ...more }, label(leet, plain));
}
