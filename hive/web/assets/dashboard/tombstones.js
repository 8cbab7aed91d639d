// @ts-check
/** State kept of agents that have no container any more. */

import { el, keyed, label } from "../shared/dom.js";
import { actionForm } from "../shared/form.js";
import { size, timeTag } from "../shared/time.js";
import { foldedSection } from "./section.js";
import { purgeTombstone, revive as reviveUrl } from "./urls.js";

/** @typedef {import("../shared/wire.js").Tombstone} Tombstone */

export function tombstonesView() {
  const list = el("ul", { class: "stack" });
  const empty = el("p", { class: "empty" }, "Nothing. A destroyed agent's files stay here until they are purged or revived.");
  const { root, count } = foldedSection({ id: "kept", leet: "K3PT ST4T3", plain: "Kept state" }, list, empty);
  /** @param {import("../shared/wire.js").DashboardState} state */
  const update = (state) => {
    const waiting = new Set(state.approvals.map((one) => one.agent));
    const shown = state.tombstones.map((one) => ({ ...one, waits: waiting.has(one.name) }));
    keyed(list, shown, (one) => JSON.stringify(one), tombstoneRow);
    empty.hidden = state.tombstones.length > 0;
    count(String(state.tombstones.length));
  };
  return { root, update };
}

/** @param {Tombstone & {waits: boolean}} one */
function tombstoneRow(one) {
  const revive = actionForm(
    {
      url: reviveUrl(one.name),
      leet: "",
      plain: "Revive",
      tone: "go",
      done: `Asked for ${one.name} again: it waits among the approvals.`,
    },
    label("⊕ R3V1V3", "Revive", one.name),
  );
  const purge = actionForm(
    {
      url: purgeTombstone(one.name),
      leet: "",
      plain: "Purge",
      tone: "quiet danger",
      danger: true,
      title: `Purge what is kept of ${one.name}?`,
      confirm: one.waits
        ? "Its files, commits and login are deleted, and what waits for approval fails. This cannot be undone."
        : "Its files, commits and login are deleted. This cannot be undone. Its messages and open questions stay.",
      button: "Purge",
    },
    label("PURG3", "Purge", `the state of ${one.name}`),
  );
  const root = el(
    "li",
    { class: "panel card" },
    el(
      "div",
      { class: "row" },
      el("strong", {}, one.name),
      el("span", { class: "muted" }, size(one.size_bytes)),
      timeTag(one.modified_at, "ago"),
      one.has_login && el("span", { class: "badge go" }, "✓ login kept"),
      one.waits && el("span", { class: "badge warm" }, "waits for your approval"),
      el("span", { class: "row push" }, !one.waits && revive.form, purge.form),
    ),
  );
  return { root, update: () => undefined };
}
