// @ts-check
/** The line at the foot of the terminal: messages to the agent, and commands. */

import { post, sentence } from "../shared/api.js";
import { el, remember, remembered, setAttr, setText } from "../shared/dom.js";
import { growing } from "../shared/form.js";
import { BODY_BYTES, bodyProblem, byteLength } from "../shared/names.js";
import { toast } from "../shared/toast.js";
import { COMMANDS, Completion, Sent, matching, parseCommand } from "./commands.js";
import { line } from "./lines.js";
import { CANCEL, COMPACT, MODEL, NEW_SESSION, SEND, setPaused } from "./urls.js";

/** @typedef {import("../shared/terminal.js").Terminal} Terminal */
/**
 * What the commands act on.
 * @typedef {{
 *   name: string, terminal: Terminal, models: () => readonly string[],
 *   search: (words: string) => void, logs: () => void
 * }} Around
 */

const HINT = "↵ send · ⇧↵ newline · ↑ earlier ones · / commands";
const COUNT_FROM = BODY_BYTES - 600;

/** @param {Around} around */
export function promptLine(around) {
  const who = el("span", { class: "who", "aria-hidden": "true" }, "operator>");
  const area = el("textarea", {
    id: "prompt",
    rows: 1,
    "aria-label": "Message to the agent, or a command beginning with a slash",
    "aria-describedby": "prompt-hint",
    placeholder: "write to the agent",
  });
  const button = el("button", { class: "go" }, "↵ ", el("span", { class: "word" }, "Send"));
  const hint = el("span", { id: "prompt-hint" });
  const problem = el("span", { class: "over", role: "alert" });
  const root = el(
    "form",
    { class: "prompt" },
    el("div", { class: "entry" }, who, area, button),
    el("div", { class: "foot" }, hint, problem),
  );
  const completion = new Completion();
  const sent = new Sent(kept(around.name));
  let waits = "";
  const show = () => {
    const size = byteLength(area.value);
    const names = matching(area.value, around.models());
    const room = size > COUNT_FROM ? ` · ${size}/${BODY_BYTES} bytes` : "";
    setText(hint, names.length ? `⇥ ${names.join(" · ")}` : (waits || HINT) + room);
    setText(problem, bodyProblem(area.value) ?? "");
  };
  const grow = growing(area, () => root.requestSubmit());
  /** @param {string | null} text put there by a key */
  const put = (text) => {
    if (text === null) return false;
    area.value = text;
    area.setSelectionRange(text.length, text.length);
    remember(`draft-${around.name}`, text || null);
    show();
    grow();
    return true;
  };
  area.addEventListener("input", () => {
    // What was written outlives a reload and a closed tab.
    remember(`draft-${around.name}`, area.value || null);
    show();
  });
  area.addEventListener("keydown", (event) => {
    if (event.isComposing || event.shiftKey || event.ctrlKey || event.altKey || event.metaKey) return;
    if (event.key === "Tab" && area.value.startsWith("/")) {
      const next = completion.next(area.value, around.models());
      if (next === null) return;
      event.preventDefault();
      area.value = next;
      setText(hint, `⇥ next · ↵ run`);
    } else if (event.key === "ArrowUp" && isInLine(area, "first")) {
      if (put(sent.earlier(area.value))) event.preventDefault();
    } else if (event.key === "ArrowDown" && isInLine(area, "last")) {
      if (put(sent.later())) event.preventDefault();
    }
  });
  root.addEventListener("submit", async (event) => {
    event.preventDefault();
    const text = area.value.trim();
    if (!text || bodyProblem(text) || button.getAttribute("aria-busy") === "true") return;
    setAttr(button, "aria-busy", "true");
    const typed = area.value;
    try {
      await run(text, around);
      sent.add(text);
      remember(`sent-${around.name}`, JSON.stringify(sent.lines));
      // What was typed in the meantime is the next message.
      if (area.value === typed) put("");
      if (waits && !text.startsWith("/")) toast("Kept: it is delivered when the agent can work.");
      show();
    } catch (error) {
      setText(problem, sentence(error));
    } finally {
      setAttr(button, "aria-busy", null);
    }
  });
  area.value = remembered(`draft-${around.name}`) ?? "";
  requestAnimationFrame(grow);
  show();
  /** @param {string} reason why a message will wait, "" when it will not */
  const setWaiting = (reason) => {
    waits = reason;
    show();
  };
  return { root, setWaiting };
}

/** @param {string} name @returns {string[]} what was sent to this agent from here before */
function kept(name) {
  try {
    const lines = JSON.parse(remembered(`sent-${name}`) ?? "[]");
    return Array.isArray(lines) ? lines.map(String) : [];
  } catch {
    return []; // somebody else wrote there: nothing is remembered
  }
}

/** @param {HTMLTextAreaElement} area @param {"first" | "last"} which whether the cursor stands there */
function isInLine(area, which) {
  if (area.selectionStart !== area.selectionEnd) return false;
  const [before, behind] = [area.value.slice(0, area.selectionStart), area.value.slice(area.selectionStart)];
  return !(which === "first" ? before : behind).includes("\n");
}

/** @param {string} text @param {Around} around */
async function run(text, around) {
  const command = parseCommand(text);
  if (!command) {
    await post(SEND, { body: text });
  } else if ("problem" in command) {
    around.terminal.local(line("note err", "!", command.problem));
  } else {
    await RUN[command.name](around, command.argument);
  }
}

/** @type {Record<string, (around: Around, argument: string) => unknown>} */
const RUN = {
  help: ({ terminal }) => {
    for (const one of COMMANDS) {
      terminal.local(line("local", "·", `/${one.name} ${one.takes}`.trim().padEnd(16), ` ${one.does}`));
    }
  },
  clear: ({ terminal }) => terminal.clear(),
  cancel: () => post(CANCEL),
  compact: () => post(COMPACT),
  model: (_around, model) => post(MODEL, { model }),
  "new-session": () => post(NEW_SESSION),
  pause: ({ name }) => post(setPaused(name), { paused: "true" }),
  resume: ({ name }) => post(setPaused(name), { paused: "false" }),
  search: ({ search }, words) => search(words),
  logs: ({ logs }) => logs(),
};
