// @ts-check
/** One frame of the agent's page as rows: turns, notes, and what claude printed. */

import { el } from "../shared/dom.js";
import { event } from "../shared/events.js";
import { originMark } from "../shared/origin.js";
import { timeTag, turnLength } from "../shared/time.js";
import { claudeRows } from "./claude_lines.js";
import { line, prose, raw } from "./lines.js";
import { ToolRows } from "./tools.js";

/** @typedef {import("../shared/wire.js").Frame} Frame */

/** The kinds that are history; all others only change the header. */
export const KEPT = ["turn_start", "stream", "note", "turn_end"];

/** How a turn ends that the operator interrupted: nothing has failed. */
const CANCELLED = "cancelled by the operator";

/** @returns {(frame: Frame) => HTMLElement | null} */
export function frameRows() {
  const tools = new ToolRows();
  return (frame) => {
    const rows = rowsOf(frame, tools);
    if (rows.length === 0) return null;
    return rows.length === 1 ? rows[0] : el("div", { class: "frame" }, ...rows);
  };
}

/** @param {Frame} frame @param {ToolRows} tools @returns {HTMLElement[]} */
function rowsOf(frame, tools) {
  switch (frame.kind) {
    case "turn_start":
      return turnStart(frame);
    case "turn_end":
      return [turnEnd(frame)];
    case "note":
      return [note(frame)];
    case "stream":
      return claudeRows(frame.line, tools);
    default:
      return [raw(frame)];
  }
}

/** @param {Frame} frame */
function turnStart(frame) {
  const more = [
    frame.redelivered ? " · again" : "",
    frame.unread > 0 ? ` · ${frame.unread} more waiting` : "",
  ];
  const mark = originMark(frame);
  const head = line("turn-start", "◆", `TURN ← ${frame.from}${more.join("")} `);
  if (mark) head.append(mark, " ");
  if (typeof frame.at === "number") {
    const about = { class: "stamp", href: `#row-${frame.seq}`, "aria-label": "Link to this turn" };
    head.append(el("a", about, timeTag(frame.at)));
  }
  const told = frame.from === "system" ? event(String(frame.body)) : null;
  const said = told === null ? prose(String(frame.body ?? "")) : el("div", { class: "wrap muted" }, told);
  const body = el("div", { class: "line turn-body" }, said);
  return [head, body];
}

/** @param {Frame} frame */
function turnEnd(frame) {
  const took = frame.duration_ms === null || frame.duration_ms === undefined ? "" : ` · ${turnLength(frame.duration_ms)}`;
  const why = frame.note ? ` — ${frame.note}` : "";
  if (!frame.ok && frame.note === CANCELLED) return line("turn-cancelled", "◇", `turn cancelled${took}`);
  return frame.ok
    ? line("turn-ok", "✓", `turn ok${took}${why}`)
    : line("turn-fail", "✗", `turn fail${took}${why}`);
}

/** @param {Frame} frame */
function note(frame) {
  if (frame.source === "stderr") return line("note err", "!", String(frame.text));
  if (frame.source === "operator") return line("note op", "◇", String(frame.text));
  return line("note", "·", String(frame.text));
}
