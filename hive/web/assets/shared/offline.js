// @ts-check
/** On the page that says hive cannot be reached: asks again, and opens the page once it answers. */

const AGAIN_MS = 3000;
const PATIENCE_MS = 10000;

async function ask() {
  try {
    const answer = await fetch("/healthz", { cache: "no-store", signal: AbortSignal.timeout(PATIENCE_MS) });
    if (answer.ok) return location.reload();
  } catch {
    // not yet: the page says so, and asks again
  }
  setTimeout(() => void ask(), AGAIN_MS);
}
setTimeout(() => void ask(), AGAIN_MS);
window.addEventListener("online", () => void ask(), { once: true });
