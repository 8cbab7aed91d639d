// @ts-check
/** Opening the diff of an approval, which is loaded when it is wanted first, and telling it of frames. */

import { toast } from "../shared/toast.js";

/** @typedef {import("../shared/wire.js").Approval} Approval */

/** @type {import("./diff_panel.js").Open | null} the panel that is open */
let open = null;

/** @param {Approval} one @param {HTMLFormElement[]} decisions */
export async function openReview(one, decisions) {
  const panel = await import("./diff_panel.js").catch(() => null);
  if (!panel) return toast("The diff could not be loaded: reload the page.", "bad");
  await panel.diffPanel(one, decisions, (now) => {
    open = now;
  });
}

/** It was decided, maybe elsewhere: what is open must not ask for it any more. @param {Approval} one */
export function tellDecided(one) {
  if (open?.id === one.id) open.conclude(one);
}

/** Something was said of it, maybe in another browser. @param {number} id */
export function tellComments(id) {
  if (open?.id === id) open.comments();
}
