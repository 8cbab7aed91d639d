// @ts-check
/** All agents, the manager first. */

import { el, keyed } from "../shared/dom.js";
import { containerRow } from "./container_row.js";
import { section } from "./section.js";

/** @param {(name: string) => void} writeTo puts a name into the compose box */
export function containersView(writeTo) {
  const list = el("ul", { class: "stack" });
  const empty = el(
    "p",
    { class: "empty", hidden: true },
    el("strong", {}, "No agents yet."),
    " Request one below; once approved it starts by itself and waits for its first message.",
  );
  const { root, count } = section(
    { id: "containers", leet: "C0NTAINERS", plain: "Containers" },
    list,
    empty,
  );
  /** @param {import("../shared/wire.js").DashboardState} state */
  const update = (state) => {
    const rows = state.containers;
    keyed(list, rows, (row) => row.name, (row) => containerRow(row.name, writeTo));
    empty.hidden = rows.some((row) => !row.is_manager);
    list.hidden = rows.length === 0;
    const running = rows.filter((row) => row.running).length;
    count(rows.length ? `${running} of ${rows.length} running` : "");
  };
  return { root, update };
}
