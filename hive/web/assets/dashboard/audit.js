// @ts-check
/** The newest lines of the audit log: who did what, and what was denied. */

import { getJson, sentence } from "../shared/api.js";
import { el, keyed, setText } from "../shared/dom.js";
import { timeTag } from "../shared/time.js";
import { foldedSection } from "./section.js";
import { AUDIT } from "./urls.js";

/** @typedef {import("../shared/wire.js").AuditRow} AuditRow */

/** @type {Record<string, [string, string]>} */
const LOOK = {
  begun: ["…", ""],
  done: ["✓", "go"],
  refused: ["⊘", "warm"],
  failed: ["✗", "danger"],
};

/** What every line has and the row says elsewhere. */
const SAID = new Set(["why", "first_at", "pid"]);

export function auditView() {
  const list = el("ul", { class: "tasks", "aria-label": "Audit log, newest first" });
  const fault = el("p", { class: "form-error", role: "alert", hidden: true });
  const again = el("button", { type: "button", class: "calm" }, "↻ Refresh");
  const { root, count } = foldedSection(
    { id: "audit", leet: "4UD1T L0G", plain: "Audit log" },
    fault,
    el("div", { class: "row" }, again, el("span", { class: "muted" }, "All of it: hive.pyz audit export")),
    list,
  );
  const load = async () => {
    try {
      const { rows, faults } = await getJson(AUDIT);
      keyed(list, rows, (/** @type {AuditRow} */ row) => String(row.n), auditRow);
      count(rows.length ? `newest ${rows.length}` : "empty");
      setText(fault, faults.join(" "));
      fault.hidden = faults.length === 0;
    } catch (error) {
      setText(fault, sentence(error));
      fault.hidden = false;
    }
  };
  again.addEventListener("click", () => void load());
  root.addEventListener("toggle", () => root.open && void load());
  return { root };
}

/** @param {AuditRow} row */
function auditRow({ n, entry }) {
  const [glyph, tone] = LOOK[entry.outcome] ?? ["·", ""];
  const more = Object.entries(entry.detail).filter(([key]) => !SAID.has(key));
  const root = el(
    "li",
    { class: "row", "data-line": n },
    el("span", { class: `badge ${tone}` }, el("span", { "aria-hidden": "true" }, glyph), entry.outcome),
    timeTag(entry.at),
    el("strong", {}, `${entry.actor} · ${entry.surface}`),
    el("span", {}, `${entry.action.replaceAll("_", " ")} ${entry.subject}`.trim()),
    more.length > 0 && el("span", { class: "muted" }, more.map(([key, value]) => `${key} ${value}`).join(", ")),
    entry.detail.why && el("span", { class: "muted wrap" }, String(entry.detail.why)),
  );
  return { root, update: () => undefined };
}
