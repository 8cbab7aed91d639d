// @ts-check
/** What the page knows of its agent, and how each frame changes it. Pure. */

/** @typedef {import("../shared/wire.js").AgentState} AgentState */
/** @typedef {import("../shared/wire.js").Frame} Frame */
/** @typedef {import("../shared/wire.js").TokenUsage} TokenUsage */

const GREEN_BELOW = 100_000;
const RED_FROM = 150_000;

/** @param {string} [label] @returns {AgentState} what is shown before the first snapshot */
export function nothing(label = "…") {
  return {
    label,
    role: "agent",
    demo: false,
    status: "online",
    trouble: null,
    seq: -1,
    turn_state: "offline",
    turn_state_since: Date.now() / 1000,
    model: null,
    ctx_usage: null,
    cost_usage: null,
    context_window: null,
    cost_usd: null,
    models: [],
    last_turn_ms: null,
    session_id: null,
    inbox: [],
    version: "",
  };
}

/** @param {AgentState} state changed in place @param {Frame} frame @returns {boolean} changed */
export function reduce(state, frame) {
  switch (frame.kind) {
    case "status_changed":
      state.status = frame.status;
      return true;
    case "trouble_changed":
      state.trouble = frame.text;
      return true;
    case "model_changed":
      state.model = frame.model;
      return true;
    case "token_usage_changed":
      state.ctx_usage = frame.ctx;
      state.cost_usage = frame.cost;
      // A harness of an older hive does not say these two.
      if (frame.window !== undefined) state.context_window = frame.window;
      if (frame.cost_usd !== undefined) state.cost_usd = frame.cost_usd;
      return true;
    case "turn_state_changed":
      state.turn_state = frame.state;
      state.turn_state_since = frame.since;
      return true;
    case "turn_end":
      state.last_turn_ms = frame.duration_ms ?? state.last_turn_ms;
      return true;
    default:
      return false;
  }
}

/** @param {AgentState} state @returns {string[]} to choose from; an older harness offers none */
export function modelsOf(state) {
  return Array.isArray(state.models) ? state.models.map(String) : [];
}

/** @param {TokenUsage | null} usage */
export function contextTokens(usage) {
  if (!usage) return 0;
  return (
    usage.input_tokens +
    usage.output_tokens +
    usage.cache_read_input_tokens +
    usage.cache_creation_input_tokens
  );
}

/**
 * @param {number} tokens @param {number | null} [window] how many fit, when that is known
 * @returns {string}
 */
export function contextTone(tokens, window) {
  const [green, red] = window ? [window * 0.5, window * 0.75] : [GREEN_BELOW, RED_FROM];
  if (tokens < green) return "go";
  return tokens < red ? "warm" : "danger";
}

/** @param {number} dollars "$0.42", and never a round nothing */
export function price(dollars) {
  if (dollars > 0 && dollars < 0.01) return "under $0.01";
  return `$${dollars.toFixed(2)}`;
}

/** @param {AgentState} state @returns {{tone: string, text: string} | null} what else should be known */
export function remark(state) {
  if (state.notices?.length) return { tone: state.notices[0].level, text: state.notices[0].message };
  if (!state.demo) return null;
  return { tone: "demo", text: "Demonstration: a script plays this agent; nothing here was written by Claude." };
}
