// @ts-check
/** What is shown of a tool's call and of its result, as text. Pure. */

/** @typedef {{sign: "+" | "-", text: string}} DiffLine */
/**
 * @typedef {{
 *   head: string, body?: string, markdown?: string, diff?: DiffLine[], open?: boolean
 * }} Call
 */

const HIVE = "mcp__hyperhive__";
const SHORT = 120;
/** What claude puts around its own refusals; the row's colour says it. */
const ERROR_MARKS = /^<tool_use_error>|<\/tool_use_error>$/g;

/** @param {unknown} value */
const text = (value) => (typeof value === "string" ? value : JSON.stringify(value) ?? "");

/** @param {string} value @param {number} [most] one line of it */
export function clip(value, most = SHORT) {
  const line = value.replace(/\s+/g, " ").trim();
  return line.length > most ? `${line.slice(0, most - 1)}…` : line;
}

/** @type {Record<string, (input: any) => Call>} */
const BUILT_IN = {
  Bash: (input) => {
    const command = text(input.command ?? "");
    const head = `$ ${clip(command)}${input.run_in_background ? " [bg]" : ""}`;
    return command.includes("\n") || command.length > SHORT ? { head, body: command } : { head };
  },
  Read: (input) => {
    const from = input.offset ? `:${input.offset}` : "";
    return { head: `Read ${text(input.file_path ?? "")}${from}${input.limit ? ` +${input.limit}` : ""}` };
  },
  Write: (input) => fileChange("Write", input.file_path, "", text(input.content ?? "")),
  Edit: (input) =>
    fileChange("Edit", input.file_path, text(input.old_string ?? ""), text(input.new_string ?? "")),
  MultiEdit: (input) => {
    const edits = Array.isArray(input.edits) ? input.edits : [];
    const diff = edits.flatMap((/** @type {any} */ one) =>
      lineDiff(text(one.old_string ?? ""), text(one.new_string ?? "")),
    );
    return { head: `Edit ${text(input.file_path ?? "")}`, diff };
  },
  Grep: (input) => ({ head: `Grep ${text(input.pattern ?? "")} ${input.path ? `in ${input.path}` : ""}`.trim() }),
  Glob: (input) => ({ head: `Glob ${text(input.pattern ?? "")}` }),
  WebFetch: (input) => ({ head: `WebFetch ${text(input.url ?? "")}` }),
  WebSearch: (input) => ({ head: `WebSearch ${clip(text(input.query ?? ""))}` }),
  Task: (input) => ({ head: `Task ${clip(text(input.description ?? ""))}`, body: text(input.prompt ?? "") }),
  TodoWrite: (input) => ({ head: "TodoWrite", markdown: todos(input.todos), open: true }),
};

/** @type {Record<string, (input: any) => Call>} */
const OF_HIVE = {
  send: (input) => ({ head: `send → ${text(input.to ?? "?")}`, markdown: text(input.body ?? ""), open: true }),
  ask: (input) => ({
    head: `ask → ${text(input.to ?? "operator")}`,
    markdown: [text(input.question ?? ""), ...(input.options ?? []).map((/** @type {any} */ o) => `- ${text(o)}`)].join("\n"),
    open: true,
  }),
  answer: (input) => ({ head: `answer → #${text(input.id ?? "?")}`, markdown: text(input.answer ?? ""), open: true }),
  recv: (input) => {
    const wait = input.wait_seconds ?? input.wait;
    const parts = [wait !== undefined && `wait ${wait}s`, input.max !== undefined && `max ${input.max}`];
    return { head: ["recv", ...parts.filter(Boolean)].join(" · ") };
  },
  remind: (input) => ({
    head: `remind · ${input.delay_seconds !== undefined ? `in ${input.delay_seconds}s` : "at a time"}`,
    markdown: text(input.message ?? ""),
  }),
  set_status: (input) => ({ head: `set_status ${clip(text(input.text ?? ""))}` }),
};

/** @param {string} name @param {any} input @returns {Call} */
export function describeCall(name, input) {
  const given = input && typeof input === "object" ? input : {};
  if (name.startsWith(HIVE)) {
    const short = name.slice(HIVE.length);
    const known = Object.hasOwn(OF_HIVE, short) ? OF_HIVE[short] : null;
    return known ? known(given) : { head: `${short} ${fields(given)}`.trim() };
  }
  if (Object.hasOwn(BUILT_IN, name)) return BUILT_IN[name](given);
  return { head: `${name.replace(/^mcp__/, "").replace("__", " · ")} ${fields(given)}`.trim() };
}

/** @param {Record<string, unknown>} input `k: "v" · k: 3`, trimmed */
function fields(input) {
  const parts = Object.entries(input).map(([key, value]) => {
    const shown = typeof value === "string" ? `"${clip(value, 60)}"` : clip(text(value), 60);
    return `${key}: ${shown}`;
  });
  return clip(parts.join(" · "), 200);
}

/** @param {unknown} list */
function todos(list) {
  if (!Array.isArray(list)) return "";
  /** @type {Record<string, string>} */
  const box = { completed: "☑", in_progress: "▸", pending: "☐" };
  return list.map((one) => `- ${box[one?.status] ?? "☐"} ${text(one?.content ?? "")}`).join("\n");
}

/** @param {string} verb @param {unknown} path @param {string} before @param {string} after @returns {Call} */
function fileChange(verb, path, before, after) {
  // The last line's end is no line of its own.
  const whole = before === "" ? after.replace(/\n$/, "") : after;
  return { head: `${verb} ${text(path ?? "")}`, diff: lineDiff(before, whole) };
}

/**
 * The changed lines between the common beginning and the common end; enough for an edit, which
 * is one place by its nature.
 * @param {string} before @param {string} after
 * @returns {DiffLine[]}
 */
export function lineDiff(before, after) {
  const old = before === "" ? [] : before.split("\n");
  const now = after === "" ? [] : after.split("\n");
  let start = 0;
  while (start < old.length && start < now.length && old[start] === now[start]) start += 1;
  let end = 0;
  const most = Math.min(old.length, now.length) - start;
  while (end < most && old[old.length - 1 - end] === now[now.length - 1 - end]) end += 1;
  return [
    ...old.slice(start, old.length - end).map((line) => ({ sign: /** @type {const} */ ("-"), text: line })),
    ...now.slice(start, now.length - end).map((line) => ({ sign: /** @type {const} */ ("+"), text: line })),
  ];
}

/** @param {unknown} content of a tool_result: a string, or blocks @returns {string} */
export function resultText(content) {
  if (typeof content === "string") return content.replace(ERROR_MARKS, "");
  if (!Array.isArray(content)) return content === undefined || content === null ? "" : text(content);
  return content
    .map((block) => (block?.type === "text" ? text(block.text) : `[${inWords(block)}]`))
    .join("\n");
}

/** @param {any} block of a result that is no text @returns {string} what it is and how large */
function inWords(block) {
  const source = block?.source;
  if (block?.type !== "image" || !source) return text(block?.type ?? "?");
  // The history holds the beginning of a long text, and says how long it was.
  const cut = /\((\d+) characters\)$/.exec(String(source.data ?? ""));
  const letters = cut ? Number(cut[1]) : String(source.data ?? "").length;
  const size = source.data ? `, ${Math.max(1, Math.round((letters * 0.75) / 1000))} kB` : "";
  return `image: ${text(source.media_type ?? "?")}${size}`;
}

/** @param {string} result @returns {{short: string} | {headline: string, lines: number}} */
export function summarise(result) {
  const trimmed = result.trim();
  if (trimmed === "") return { short: "(nothing)" };
  if (trimmed.length <= SHORT && !trimmed.includes("\n")) return { short: trimmed };
  let lines = 1;
  for (let at = trimmed.indexOf("\n"); at >= 0; at = trimmed.indexOf("\n", at + 1)) lines += 1;
  const end = trimmed.indexOf("\n");
  return { headline: clip(trimmed.slice(0, Math.min(end < 0 ? 400 : end, 400)), 90), lines };
}
