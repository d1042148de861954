// The service worker: with no network, pages open and say so. It keeps pages and their files, never
// answers of the API, tiles or anything of a session. With a network only files come from what it
// keeps whose address says their build: they never change.

const { version, pages, files } = self.shell; // set above this text when it is served
const NAME = `trackflow-${version}`;

self.addEventListener('install', (event) => {
  const all = [...pages, ...files].map((path) => new Request(path, { cache: 'reload', credentials: 'omit' }));
  event.waitUntil(caches.open(NAME).then((kept) => kept.addAll(all)).then(() => self.skipWaiting()));
});

self.addEventListener('activate', (event) => {
  const others = caches.keys().then((names) => Promise.all(names.filter((name) => name !== NAME).map((name) => caches.delete(name))));
  event.waitUntil(others.then(() => self.clients.claim()));
});

/** The kept address that stands for a request; null for everything that is not the shell. */
function shellOf(request) {
  const { origin, pathname } = new URL(request.url);
  if (request.method !== 'GET' || origin !== location.origin) return null;
  if (request.mode === 'navigate') return pages.find((page) => pathname === page || (page !== '/' && pathname.startsWith(`${page}/`))) ?? null;
  return pathname.startsWith('/static/') ? pathname : null;
}

self.addEventListener('fetch', (event) => {
  const path = shellOf(event.request);
  if (path) event.respondWith(answer(event.request, path));
});

async function answer(request, path) {
  const kept = await caches.open(NAME);
  const lasting = path.startsWith('/static/@');
  const own = lasting && (await kept.match(path, { ignoreVary: true }));
  if (own) return own;
  try {
    const found = await fetch(request);
    // files of others are too large to be fetched in advance; own ones are kept whole, of one build
    if (found.status === 200 && !lasting && path.startsWith('/static/') && path.split('/').length > 3) await kept.put(path, found.clone());
    return found;
  } catch (error) {
    const found = await kept.match(path, { ignoreVary: true });
    if (found) return found;
    throw error;
  }
}
