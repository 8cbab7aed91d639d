// @ts-check
/** What a frame only says has changed is read again: once for a burst, and until it works. Pure. */

const FIRST_RETRY_MS = 1000;
const LAST_RETRY_MS = 15000;

/**
 * @param {number} waitMs for what else a burst brings
 * @param {() => Promise<void>} read
 * @param {(ms: number, then: () => void) => void} [later]
 * @returns {() => void} asks for it; one read follows another, so an old one never comes last
 */
export function rereading(waitMs, read, later = (ms, then) => void setTimeout(then, ms)) {
  let isWaiting = false;
  let isReading = false;
  let isAsked = false;
  let retryMs = FIRST_RETRY_MS;
  const wait = (/** @type {number} */ ms) => {
    isWaiting = true;
    later(ms, () => void run());
  };
  const run = async () => {
    isWaiting = false;
    isReading = true;
    isAsked = false;
    let hasFailed = false;
    try {
      await read();
      retryMs = FIRST_RETRY_MS;
    } catch {
      hasFailed = true; // the connection badge says it; until it works, what was shown stays
    }
    isReading = false;
    if (hasFailed) {
      wait(retryMs);
      retryMs = Math.min(retryMs * 2, LAST_RETRY_MS);
    } else if (isAsked) wait(waitMs);
  };
  return () => {
    isAsked = true;
    if (!isWaiting && !isReading) wait(waitMs);
  };
}
