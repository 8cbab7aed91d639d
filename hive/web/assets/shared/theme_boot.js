// @ts-check
// Runs before the first paint, as a classic script, so that a chosen theme never flashes.
(() => {
  for (const name of ["theme", "words"]) {
    let value = null;
    try {
      value = localStorage.getItem(`hive-${name}`);
    } catch {
      value = null; // storage is forbidden here: the system's own theme is shown
    }
    if (value) document.documentElement.setAttribute(`data-${name}`, value);
  }
})();
