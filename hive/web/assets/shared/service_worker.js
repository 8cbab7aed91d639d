// @ts-check
/**
 * Shows the offline page when a page of hive is opened and hive does not answer. Whatever else is
 * asked for passes by untouched: no data is ever kept. The daemon puts `SHELL` in front of this.
 */

/** @type {any} */
const worker = self;
/** @type {{version: string, page: string, files: string[]}} */
const { version, page, files } = worker.SHELL;
const NAME = "hive-shell-";
const PAGES = /^\/(?:agent\/[^/]+\/(?:stats|screen)?)?$/;

worker.addEventListener("install", (/** @type {any} */ event) => {
  const fresh = files.map((file) => new Request(file, { cache: "reload" }));
  event.waitUntil(
    caches
      .open(NAME + version)
      .then((cache) => cache.addAll(fresh))
      .then(() => worker.skipWaiting()),
  );
});

worker.addEventListener("activate", (/** @type {any} */ event) => {
  event.waitUntil(
    caches
      .keys()
      .then((names) => names.filter((name) => name.startsWith(NAME) && name !== NAME + version))
      .then((old) => Promise.all(old.map((name) => caches.delete(name))))
      .then(() => worker.clients.claim()),
  );
});

worker.addEventListener("fetch", (/** @type {any} */ event) => {
  const { request } = event;
  const { origin, pathname } = new URL(request.url);
  if (request.method !== "GET" || origin !== worker.location.origin) return;
  const isPage = request.mode === "navigate" && PAGES.test(pathname);
  if (!isPage && !files.includes(pathname)) return;
  event.respondWith(
    fetch(request).catch(async (error) => {
      const kept = await caches.match(isPage ? page : pathname);
      if (!kept) throw error;
      return kept;
    }),
  );
});
