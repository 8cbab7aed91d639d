// @ts-check
/** Name, state, model, context, last turn, and the controls of a turn. */

import { el, label, setAttr, setText } from "../shared/dom.js";
import { actionForm } from "../shared/form.js";
import { appearance } from "../shared/theme.js";
import { count, duration, stopTicking, ticking, turnLength } from "../shared/time.js";
import { contextTokens, contextTone, statusAdvice } from "./state.js";
import { CANCEL, COMPACT, DASHBOARD, NEW_SESSION, STATS, agentName } from "./urls.js";

/** @typedef {import("../shared/wire.js").AgentState} AgentState */

/** @type {Record<string, [string, string, string]>} */
const TURN = {
  idle: ["●", "idle", "go"],
  thinking: ["◆", "thinking", "warm pulse"],
  compacting: ["◆", "compacting", "mauve pulse"],
  offline: ["○", "offline", ""],
};
/** @type {Record<string, [string, string]>} */
const STATUS = {
  online: ["online", "go"],
  needs_login_idle: ["needs login", "danger"],
  needs_login_in_progress: ["logging in", "warm"],
  rate_limited: ["⊘ rate limited", "danger"],
  paused: ["‖ paused", "warm"],
};

/** @param {HTMLElement} place @param {HTMLElement} connection @param {HTMLElement} detail */
export function headView(place, connection, detail) {
  const name = el("h1", {}, agentName());
  const role = el("span", { class: "chip", hidden: true });
  const glyph = el("span", { class: "glyph", "aria-hidden": "true" });
  const word = el("span");
  const age = el("span", { class: "age" });
  const turn = el("span", { class: "badge", id: "turn-state", hidden: true }, glyph, word, el("span", { "aria-hidden": "true" }, "·"), age);
  const status = el("span", { class: "badge", id: "status", hidden: true });
  const model = el("span", { class: "badge", id: "model", hidden: true });
  const ctx = el("span", { class: "badge", id: "ctx", hidden: true, title: "What the conversation holds now; compacting makes it smaller" });
  const cost = el("span", { class: "badge", id: "cost", hidden: true, title: "All tokens of the last turn, every call to the model counted" });
  const last = el("span", { class: "badge", id: "last-turn", hidden: true });
  const cancel = control(CANCEL, "■ C4NC3L", "Cancel turn", "danger", undefined);
  const compact = control(COMPACT, "⇲ C0MP4CT", "Compact context", "", undefined);
  const fresh = control(NEW_SESSION, "✦ N3W S3SS10N", "New session", "", {
    title: "Begin a new session?",
    confirm: "The conversation so far is forgotten. Files and messages stay.",
    button: "Begin anew",
  });
  place.append(
    el(
      "div",
      { class: "row title" },
      el("a", { class: "button quiet calm", href: DASHBOARD }, ...label("← D4SHB04RD", "Dashboard")),
      name,
      role,
      el("a", { class: "button quiet calm", href: STATS }, ...label("◫ ST4TS", "Statistics")),
      el("span", { class: "row push" }, connection, appearance()),
    ),
    el(
      "div",
      { class: "row", role: "group", "aria-label": "State" },
      turn, status, model, ctx, last, cost,
      el("span", { class: "row push controls" }, cancel.form, compact.form, fresh.form),
    ),
  );
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
    setText(role, state.role === "manager" ? "m1nd" : "ag3nt");
    setAttr(role, "aria-label", state.role);
    showTurn(state);
    const [words, tone] = STATUS[state.status] ?? [state.status, ""];
    badge(status, state.status === "online" ? "" : words, tone);
    badge(model, state.model ? `model · ${state.model}` : "", "calm");
    const tokens = contextTokens(state.ctx_usage);
    badge(ctx, tokens ? `ctx · ${count(tokens)}` : "", contextTone(tokens));
    if (tokens) ctx.append(el("span", { class: "unit" }, " tokens"));
    const paid = contextTokens(state.cost_usage);
    badge(cost, paid ? `spent · ${count(paid)} tokens` : "", "");
    badge(last, state.last_turn_ms === null ? "" : `last turn · ${turnLength(state.last_turn_ms)}`, "");
    const isOff = state.turn_state === "offline";
    setAttr(cancel.button, "aria-disabled", isOff || state.turn_state === "idle" ? "true" : null);
    for (const one of [compact, fresh]) setAttr(one.button, "aria-disabled", isOff ? "true" : null);
    const advice = statusAdvice(state);
    detail.hidden = advice === null;
    setAttr(detail, "class", `strip ${advice?.tone ?? ""}`);
    setText(detail, advice?.text ?? "");
  };
  return { update };
}

/** @param {HTMLElement} node @param {string} text @param {string} tone */
function badge(node, text, tone) {
  node.hidden = text === "";
  setText(node, text);
  setAttr(node, "class", `badge ${tone}`);
}

/**
 * @param {string} url @param {string} leet @param {string} plain @param {string} tone
 * @param {{title: string, confirm: string, button: string} | undefined} asking
 */
function control(url, leet, plain, tone, asking) {
  return actionForm({ url, leet, plain, tone, ...asking }, label(leet, plain));
}
