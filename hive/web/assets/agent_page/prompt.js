// @ts-check
/** The line at the foot of the terminal: messages to the agent, and commands. */

import { post, sentence } from "../shared/api.js";
import { el, setAttr, setText } from "../shared/dom.js";
import { growing } from "../shared/form.js";
import { BODY_BYTES, bodyProblem, byteLength } from "../shared/names.js";
import { toast } from "../shared/toast.js";
import { COMMANDS, Completion, matching, parseCommand } from "./commands.js";
import { line } from "./lines.js";
import { CANCEL, COMPACT, MODEL, NEW_SESSION, SEND } from "./urls.js";

const HINT = "↵ send · ⇧↵ newline · / commands";
const COUNT_FROM = BODY_BYTES - 600;

/** @param {import("../shared/terminal.js").Terminal} terminal */
export function promptLine(terminal) {
  const who = el("span", { class: "who", "aria-hidden": "true" }, "operator>");
  const area = el("textarea", {
    id: "prompt",
    rows: 1,
    "aria-label": "Message to the agent, or a command beginning with a slash",
    "aria-describedby": "prompt-hint",
    placeholder: "write to the agent",
  });
  const button = el("button", { class: "go" }, "↵ Send");
  const hint = el("span", { id: "prompt-hint" });
  const problem = el("span", { class: "over", role: "alert" });
  const root = el(
    "form",
    { class: "prompt" },
    el("div", { class: "entry" }, who, area, button),
    el("div", { class: "foot" }, hint, problem),
  );
  const completion = new Completion();
  let waits = "";
  const show = () => {
    const size = byteLength(area.value);
    const names = matching(area.value);
    const room = size > COUNT_FROM ? ` · ${size}/${BODY_BYTES} bytes` : "";
    setText(hint, names.length ? `⇥ ${names.join(" · ")}` : (waits || HINT) + room);
    setText(problem, bodyProblem(area.value) ?? "");
  };
  const grow = growing(area, () => root.requestSubmit());
  area.addEventListener("input", show);
  area.addEventListener("keydown", (event) => {
    if (event.key !== "Tab" || event.shiftKey || !area.value.startsWith("/")) return;
    const next = completion.next(area.value);
    if (next === null) return;
    event.preventDefault();
    area.value = next;
    setText(hint, `⇥ next · ↵ run`);
  });
  root.addEventListener("submit", async (event) => {
    event.preventDefault();
    const text = area.value.trim();
    if (!text || bodyProblem(text) || button.getAttribute("aria-busy") === "true") return;
    setAttr(button, "aria-busy", "true");
    const sent = area.value;
    try {
      await run(text, terminal);
      // What was typed in the meantime is the next message.
      if (area.value === sent) area.value = "";
      if (waits && !text.startsWith("/")) toast("Kept: it is delivered when the agent can work.");
      show();
      grow();
    } catch (error) {
      setText(problem, sentence(error));
    } finally {
      setAttr(button, "aria-busy", null);
    }
  });
  show();
  /** @param {string} reason why a message will wait, "" when it will not */
  const setWaiting = (reason) => {
    waits = reason;
    show();
  };
  return { root, setWaiting };
}

/** @param {string} text @param {import("../shared/terminal.js").Terminal} terminal */
async function run(text, terminal) {
  const command = parseCommand(text);
  if (!command) {
    await post(SEND, { body: text });
  } else if ("problem" in command) {
    terminal.local(line("note err", "!", command.problem));
  } else {
    await RUN[command.name](terminal, command.argument);
  }
}

/** @type {Record<string, (terminal: import("../shared/terminal.js").Terminal, argument: string) => unknown>} */
const RUN = {
  help: (terminal) => {
    for (const one of COMMANDS) {
      terminal.local(line("local", "·", `/${one.name} ${one.takes}`.trim().padEnd(16), ` ${one.does}`));
    }
  },
  clear: (terminal) => terminal.clear(),
  cancel: () => post(CANCEL),
  compact: () => post(COMPACT),
  model: (_terminal, model) => post(MODEL, { model }),
  "new-session": () => post(NEW_SESSION),
};
