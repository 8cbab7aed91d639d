// @ts-check
/** Lets the browser keep the page that says when hive cannot be reached. */

export async function keepShell() {
  try {
    await navigator.serviceWorker?.register("/service-worker.js", { updateViaCache: "none" });
  } catch {
    return; // not on this connection, or not in this browser: without hive its own page is shown
  }
}
