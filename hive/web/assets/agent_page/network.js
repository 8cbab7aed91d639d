// @ts-check
/** What the agent reached and was refused, and a warning where nothing is held back. */

import { getJson } from "../shared/api.js";
import { el, keyed, label, setAttr, setText } from "../shared/dom.js";
import { actionForm } from "../shared/form.js";
import { inTurn } from "../shared/in_turn.js";
import { size, timeTag } from "../shared/time.js";
import { entryFor } from "./network_text.js";
import { allow, network } from "./urls.js";

/** @typedef {import("../shared/wire.js").Network} Network */
/** @typedef {import("../shared/wire.js").Reached} Reached */

const HOST = "This agent has the host's whole network, its loopback included: nothing is held back, and only what goes by hive's gateway is counted.";
/** @type {Record<string, string>} */
const ACCOUNTS = {
  gateway: "Its key or token is added on the way to the API; the agent never holds it.",
  agent: "It works with its own login, which it can read: it lies in its claude directory.",
  given: "It can read the key or token it works with.",
};
const SHOWN = 100;
/** @type {Record<string, string>} */
const TONES = { allowed: "go", denied: "danger", failed: "warm" };

/** @param {string} name */
export function networkDrawer(name) {
  const count = el("span", { class: "number" });
  const about = el("p", { class: "muted wrap" });
  const list = el("ul", { class: "drawer-list", tabindex: "0", "aria-label": "What it reached and was refused" });
  const root = el(
    "details",
    { class: "drawer", id: "network", hidden: true },
    el("summary", {}, ...label("⇄ N3TW0RK", "Network of the agent"), " ", count),
    el("div", { class: "drawer-list" }, about),
    list,
  );
  /** @param {Network} found */
  const show = (found) => {
    const isOpen = found.mode === "host";
    const denied = found.reached.filter((row) => row.verdict === "denied").length;
    const refused = denied ? `${denied} refused` : "";
    setText(count, isOpen ? "! the host's" : [String(found.reached.length), refused].filter(Boolean).join(" · "));
    setAttr(count, "class", isOpen || denied ? "number danger" : "number");
    const allowed = found.allowed.length ? found.allowed.join(", ") : "nothing beside the API";
    const account = ACCOUNTS[found.account] ?? "";
    setText(about, isOpen ? `${HOST} ${account}` : `It may reach ${allowed}. ${account}`);
    keyed(list, found.reached.slice(0, SHOWN), (row) => JSON.stringify(row), (row) => place(name, row));
    root.hidden = false;
  };
  const refresh = inTurn(async () => {
    try {
      show(await getJson(network(name)));
    } catch {
      return; // the connection badge says it; what was shown stays
    }
  });
  root.addEventListener("toggle", () => {
    if (root.open) void refresh();
  });
  return { root, refresh };
}

/** @param {string} name @param {Reached} row */
function place(name, row) {
  const where = `${row.host}:${row.port}`;
  const moved = `${row.count}× · ${size(row.sent)} out · ${size(row.received)} in`;
  const isDenied = row.verdict === "denied";
  const root = el(
    "li",
    { class: "item" },
    el(
      "div",
      { class: "row" },
      timeTag(row.last_at),
      el("span", { class: `badge ${TONES[row.verdict] ?? ""}` }, row.verdict),
      el("strong", { class: "wrap" }, where),
      el("span", { class: "time" }, isDenied ? `${row.count}×` : moved),
      isDenied && asking(name, row).form,
    ),
    row.why && el("div", { class: "muted wrap" }, row.why),
  );
  return { root, update: () => undefined };
}

/** The way to an approval: hive writes the commit, the operator looks at its diff. */
/** @param {string} name @param {Reached} row */
function asking(name, row) {
  const entry = entryFor(row);
  return actionForm(
    {
      url: allow(name),
      leet: "◆ 4LL0W",
      plain: `Ask for ${entry} to be allowed`,
      tone: "badge calm",
      title: `Let ${name} connect to ${entry}?`,
      confirm: `A commit that adds "${entry}" to allow of its agent.toml waits on the dashboard then. It counts once you have approved it.`,
      button: "Propose it",
      done: `${entry} waits for your approval on the dashboard`,
      fields: { host: entry },
    },
    label("◆ 4LL0W", `Allow ${entry}`),
  );
}
