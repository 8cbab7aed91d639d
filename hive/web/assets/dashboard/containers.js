// @ts-check
/** All agents, the manager first. */

import { el, keyed, label } from "../shared/dom.js";
import { actionForm } from "../shared/form.js";
import { containerRow } from "./container_row.js";
import { section } from "./section.js";
import { UPDATE_ALL } from "./urls.js";

/** @param {(name: string) => void} writeTo puts a name into the compose box */
export function containersView(writeTo) {
  const list = el("ul", { class: "stack" });
  const empty = el(
    "p",
    { class: "empty", hidden: true },
    el("strong", {}, "No agents yet."),
    " Request one below, or tell the manager what you need done; once approved it starts by itself.",
  );
  const all = actionForm(
    {
      url: UPDATE_ALL,
      leet: "",
      plain: "Update all",
      tone: "warm",
      title: "Update all that need it?",
      confirm: "Each is rebuilt and started again, one after another, the manager first.",
      button: "Update all",
      done: "They wait in the build queue.",
    },
    label("↻ UPD4TE 4LL", "Update all"),
  );
  const { root, header, count } = section(
    { id: "containers", leet: "C0NTAINERS", plain: "Containers" },
    list,
    empty,
  );
  header.append(all.form);
  /** @param {import("../shared/wire.js").DashboardState} state */
  const update = (state) => {
    const rows = state.containers;
    const shown = rows.map((row) => ({ row, forge: state.forge.url }));
    keyed(list, shown, ({ row }) => row.name, ({ row }) => containerRow(row.name, writeTo));
    all.form.hidden = !rows.some((row) => row.needs_update);
    empty.hidden = rows.some((row) => !row.is_manager);
    list.hidden = rows.length === 0;
    const running = rows.filter((row) => row.running).length;
    count(rows.length ? `${running} of ${rows.length} running` : "");
  };
  return { root, update };
}
