// @ts-check
/** Logging claude in: a button, then the link, the code and a way to stop. */

import { el, setText } from "../shared/dom.js";
import { actionForm } from "../shared/form.js";
import { LOGIN_CANCEL, LOGIN_CODE, LOGIN_START } from "./urls.js";

/** @typedef {import("../shared/wire.js").AgentState} AgentState */

const HOSTS = ["claude.ai", "claude.com", "platform.claude.com", "console.anthropic.com"];
const LOOK_MS = 1000;

/** @param {string | null | undefined} text @returns {string | null} a link that may be opened */
export function safeLink(text) {
  if (!text || !URL.canParse(text)) return null;
  const url = new URL(text);
  const isPlain = url.protocol === "https:" && !url.username && !url.password && !url.port;
  return isPlain && HOSTS.includes(url.hostname) ? url.href : null;
}

/** @param {HTMLElement} place @param {() => Promise<void>} look takes the page's state anew */
export function loginView(place, look) {
  const start = actionForm({ url: LOGIN_START, leet: "", plain: "Start a login of claude", tone: "go" }, ["Log in"]);
  const cancel = actionForm({ url: LOGIN_CANCEL, leet: "", plain: "End this login", tone: "push" }, ["Cancel"]);
  const link = el("a", { target: "_blank", rel: "noopener noreferrer", hidden: true }, "Open claude's page");
  const field = el("input", { type: "text", name: "code", autocomplete: "off", spellcheck: "false", placeholder: "the code it shows", "aria-label": "Code", maxlength: 2000 });
  const code = el("form", { action: LOGIN_CODE, method: "post", class: "row nowrap login-code", "data-async": true }, field, el("button", { class: "go" }, "Send code"));
  const said = el("pre", { class: "login-said", hidden: true });
  const note = el("span", { role: "status" });
  place.append(note, start.form, link, code, cancel.form, said);
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  let timer;
  place.addEventListener("hive:done", () => void look());

  /** @param {AgentState} state */
  const update = (state) => {
    const login = state.login ?? null;
    const runs = login !== null && !login.finished;
    const isNeeded = state.status.startsWith("needs_login");
    place.hidden = state.turn_state === "offline" || (!isNeeded && !runs);
    const href = runs ? safeLink(login.url) : null;
    link.hidden = href === null;
    if (href) link.href = href;
    start.form.hidden = runs;
    cancel.form.hidden = !runs;
    code.hidden = href === null;
    said.hidden = !login?.output;
    setText(said, login?.output ?? "");
    setText(note, runs ? "Logging in:" : login?.exit_note ? `The last login: ${login.exit_note}.` : "");
    clearTimeout(timer);
    if (!place.hidden && (runs || state.status === "needs_login_in_progress")) timer = setTimeout(() => void look(), LOOK_MS);
  };
  return { update };
}
