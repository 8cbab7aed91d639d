// @ts-check
/** One line of claude's stream-json output as rows; a line nobody knows stays in sight. */

import { el } from "../shared/dom.js";
import { count } from "../shared/time.js";
import { fold, line, prose, raw } from "./lines.js";

/** @typedef {import("./tools.js").ToolRows} ToolRows */

/** Said elsewhere on the page, or of no use to a reader. */
const SILENT_TYPES = new Set([
  "control_request", "control_response", "control_cancel_request", "command_lifecycle", "keep_alive",
  "stream_event",
]);
const SILENT_SYSTEM = new Set(["init", "thinking_tokens", "hook_started", "background_tasks_changed"]);

/** @param {any} given @param {ToolRows} tools @returns {HTMLElement[]} */
export function claudeRows(given, tools) {
  const said = given && typeof given === "object" ? given : { type: String(given) };
  const rows = rowsOf(said, tools);
  if (said.parent_tool_use_id && said.type !== "tool_progress") {
    return rows.length ? [el("div", { class: "sub" }, ...rows)] : [];
  }
  return rows;
}

/** @param {any} said @param {ToolRows} tools @returns {HTMLElement[]} */
function rowsOf(said, tools) {
  if (SILENT_TYPES.has(said.type)) return [];
  switch (said.type) {
    case "assistant":
      return blocks(said).flatMap((one) => assistantBlock(one, tools));
    case "user":
      return userRows(said, tools);
    case "system":
      return systemRows(said);
    case "result":
      return resultRows(said);
    case "rate_limit_event":
      return rateLimit(said.rate_limit_info ?? {});
    case "tool_progress":
      tools.progress(String(said.parent_tool_use_id), Number(said.elapsed_time_seconds));
      return [];
    case "conversation_reset":
      return [line("note op", "◇", "a new conversation begins")];
    default:
      return [raw(said)];
  }
}

/** @param {any} said @returns {any[]} */
function blocks(said) {
  const content = said.message?.content;
  if (typeof content === "string") return [{ type: "text", text: content }];
  return Array.isArray(content) ? content : [];
}

/** @param {any} one @param {ToolRows} tools @returns {HTMLElement[]} */
function assistantBlock(one, tools) {
  switch (one?.type) {
    case "text":
      return String(one.text ?? "").trim() ? [el("div", { class: "line text" }, prose(String(one.text)))] : [];
    case "thinking":
      return [thinking(String(one.thinking ?? ""))];
    case "redacted_thinking":
      return [line("thinking", "·", "thinking …")];
    case "tool_use":
      return [tools.call({ id: String(one.id), name: String(one.name), input: one.input })];
    default:
      return [raw(one)];
  }
}

/** @param {string} text */
function thinking(text) {
  const first = text.trim().split("\n", 1)[0];
  if (!first) return line("thinking", "·", "thinking …");
  if (first === text.trim() && first.length <= 120) return line("thinking", "·", first);
  return fold("thinking", [`thinking · ${first.slice(0, 100)}…`], () => prose(text));
}

/** @param {any} said @param {ToolRows} tools @returns {HTMLElement[]} */
function userRows(said, tools) {
  /** @type {HTMLElement[]} */
  const rows = [];
  for (const one of blocks(said)) {
    if (one?.type === "tool_result") {
      rows.push(tools.result(one));
    } else if (one?.type === "text") {
      // A prompt that is played back stands above already, as the turn's body.
      if (!said.isReplay) rows.push(fold("note", ["claude was told"], () => prose(String(one.text))));
    } else {
      rows.push(raw(one));
    }
  }
  return rows;
}

/** @type {Record<string, (said: any) => HTMLElement[]>} */
const SYSTEM = {
  api_retry: (said) => {
    const wait = (Number(said.retry_delay_ms) / 1000).toFixed(1);
    const why = [said.error_status, said.error].filter(Boolean).join(" ");
    return [line("note err", "!", `API: ${why} · attempt ${said.attempt} of ${said.max_retries} in ${wait}s`)];
  },
  compact_boundary: (said) => {
    const { pre_tokens: before, post_tokens: after, trigger } = said.compact_metadata ?? {};
    const sizes = before === undefined ? "" : ` · ${count(before)} → ${after === undefined ? "?" : count(after)} tokens`;
    return [line("note op", "◇", `context compacted (${trigger ?? "?"})${sizes}`)];
  },
  status: (said) => (said.status ? [line("note", "·", String(said.status))] : []),
  hook_response: (said) => {
    if (said.outcome === "success") return [];
    return [line("note err", "!", `hook ${said.hook_name}: ${said.outcome} ${said.stderr ?? ""}`)];
  },
  permission_denied: (said) => [line("note err", "⊘", `${said.tool_name} denied: ${said.message}`)],
  model_fallback: (said) => [line("note err", "!", String(said.content ?? said.fallback_model))],
  model_refusal_no_fallback: (said) => [line("note err", "!", `${said.original_model} refused`)],
  informational: (said) => [line("note", "·", String(said.content))],
  notification: (said) => [line("note", "·", String(said.text))],
  task_started: (said) => {
    const kind = said.task_type ? ` [${said.task_type}]` : "";
    return [line("task", "⌁", `task ${String(said.task_id).slice(0, 8)} · ${said.description ?? ""}${kind}`)];
  },
  task_notification: (said) => {
    const [sign, tone] = TASK_ENDS[said.status] ?? ["◌", "note"];
    const file = said.output_file ? ` → ${said.output_file}` : "";
    return [line(tone, "⌁", `task ${String(said.task_id).slice(0, 8)} ${sign} ${said.summary ?? said.status}${file}`)];
  },
};

/** @type {Record<string, [string, string]>} */
const TASK_ENDS = { completed: ["✓", "note good"], failed: ["✗", "result bad"] };

/** @param {any} said @returns {HTMLElement[]} */
function systemRows(said) {
  if (SILENT_SYSTEM.has(said.subtype)) return [];
  return Object.hasOwn(SYSTEM, said.subtype) ? SYSTEM[said.subtype](said) : [raw(said)];
}

/** @param {any} said the turn's own end says the rest @returns {HTMLElement[]} */
function resultRows(said) {
  if (!said.is_error) return [];
  const why = Array.isArray(said.errors) ? said.errors.join(" · ") : (said.result ?? said.subtype);
  return [line("result bad", "✗", `${said.subtype}: ${why}`)];
}

/** @param {any} info @returns {HTMLElement[]} */
function rateLimit(info) {
  if (info.status === "allowed") return [];
  const used = typeof info.utilization === "number" ? ` · ${Math.round(info.utilization * 100)}% used` : "";
  const until = info.resetsAt ? ` · resets ${new Date(info.resetsAt * 1000).toLocaleString()}` : "";
  return [line("note err", "⊘", `rate limit: ${info.status} (${info.rateLimitType ?? "?"})${used}${until}`)];
}
