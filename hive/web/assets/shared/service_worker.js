// @ts-check
/**
 * Shows the offline page when a page of hive is opened and hive does not answer, and notifications.
 * Whatever else is asked for passes by untouched: no data is ever kept. The daemon puts `SHELL` in
 * front of this.
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

/** @typedef {{class: string, title: string, text: string, path: string, tag: string, at: number}} Told */

/**
 * What is pushed and what an open page is told of, one place for both: the same tag is shown once.
 * Nothing is shown while somebody looks at hive, but a test, which is to be seen.
 * @param {Told} told
 */
async function notify(told) {
  const windows = await worker.clients.matchAll({ type: "window", includeUncontrolled: true });
  const isSeen = windows.some((/** @type {any} */ one) => one.focused && new URL(one.url).pathname === "/");
  if (isSeen && told.class !== "test") return;
  await worker.registration.showNotification(told.title, {
    body: told.text,
    tag: told.tag,
    icon: "/static/shared/icon.svg",
    timestamp: told.at * 1000,
    data: { path: told.path },
  });
}

worker.addEventListener("push", (/** @type {any} */ event) => {
  if (event.data) event.waitUntil(notify(event.data.json()));
});

worker.addEventListener("message", (/** @type {any} */ event) => {
  if (event.data?.kind === "notify") event.waitUntil(notify(event.data.notification));
});

worker.addEventListener("notificationclick", (/** @type {any} */ event) => {
  event.notification.close();
  event.waitUntil(goTo(String(event.notification.data?.path ?? "/")));
});

/** Bring hive to the front, at what a notification is about. @param {string} path */
async function goTo(path) {
  const wanted = new URL(path, worker.location.origin);
  if (wanted.origin !== worker.location.origin) return;
  const windows = await worker.clients.matchAll({ type: "window", includeUncontrolled: true });
  const known = windows.find((/** @type {any} */ one) => new URL(one.url).pathname === wanted.pathname);
  if (!known) return worker.clients.openWindow(wanted.href);
  known.postMessage({ kind: "go", hash: wanted.hash });
  return known.focus();
}
