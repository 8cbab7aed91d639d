// @ts-check
/** The form that asks for a new agent, with its name checked while it is typed. */

import { el, label, setAttr, setText } from "../shared/dom.js";
import { drafted } from "../shared/drafts.js";
import { nameProblem } from "../shared/names.js";
import { reveal } from "../shared/reveal.js";
import { takenNames } from "./state.js";
import { REQUEST_SPAWN } from "./urls.js";

export function requestForm() {
  const name = el("input", {
    type: "text",
    name: "name",
    id: "new-agent",
    autocomplete: "off",
    autocapitalize: "none",
    spellcheck: "false",
    maxlength: "24",
    placeholder: "a name",
    "aria-describedby": "new-agent-hint",
  });
  const hint = el("p", { class: "hint", id: "new-agent-hint" });
  const about = el("input", {
    type: "text",
    name: "description",
    id: "new-agent-about",
    autocomplete: "off",
    maxlength: "500",
    placeholder: "can be left out",
  });
  const button = el("button", { class: "go primary" }, ...label("⊕ R3QU3ST SP4WN", "Request agent"));
  const root = el(
    "form",
    { class: "panel card request", action: REQUEST_SPAWN, method: "post", "data-async": true },
    el(
      "div",
      { class: "row fields" },
      el("div", { class: "field" }, el("label", { for: "new-agent" }, "New agent"), name),
      el("div", { class: "field wide" }, el("label", { for: "new-agent-about" }, "Purpose"), about),
      button,
    ),
    hint,
  );
  /** @type {string[]} */
  let taken = [];
  const check = () => {
    const text = name.value.trim();
    const problem = nameProblem(text, taken);
    const isBad = text !== "" && problem !== null;
    setAttr(name, "aria-invalid", isBad ? "true" : null);
    setAttr(button, "aria-disabled", problem ? "true" : null);
    setAttr(hint, "class", text === "" ? "hint" : isBad ? "hint bad" : "hint ok");
    if (text === "") setText(hint, "1 to 9 characters: a to z, digits, '-'; a letter first.");
    else setText(hint, problem ? `✗ ${problem}` : `✓ ${text} is free`);
  };
  name.addEventListener("input", check);
  name.addEventListener("change", () => {
    name.value = name.value.trim();
    check();
  });
  root.addEventListener("hive:done", () => name.focus());
  drafted(name, "new-agent");
  drafted(about, "new-agent-about");
  check();
  /** @param {import("../shared/wire.js").DashboardState} state */
  const update = (state) => {
    taken = takenNames(state);
    check();
  };
  const focus = () => {
    reveal(name);
    name.focus();
  };
  return { root, update, focus };
}
