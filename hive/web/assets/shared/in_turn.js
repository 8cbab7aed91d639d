// @ts-check
/**
 * A request that is made once at a time, however often it is asked for. Pure.
 *
 * Frames ask for it, and who runs behind an agent's page may send thousands in a second.
 */

/**
 * @param {() => Promise<void>} work
 * @returns {() => Promise<void>} does the work, and once more where it was asked for meanwhile
 */
export function inTurn(work) {
  /** @type {Promise<void> | null} */
  let running = null;
  let isAsked = false;
  const run = async () => {
    try {
      while (isAsked) {
        isAsked = false;
        await work();
      }
    } finally {
      running = null;
    }
  };
  return () => {
    isAsked = true;
    running ??= run();
    return running;
  };
}
