// Asking the API. What has not changed is not sent again (ETag), and is known to be unchanged.

import { tr } from './words.js';

const KEPT = 100;
/** What waits longer than proxies do (nginx: 60 s) gets no answer any more. */
export const DEADLINE_MS = 60000;
const known = new Map(); // address -> { etag, data }

/** What the API did not do. `isEnglish`: the message is a sentence of the server's own. */
export class ApiError extends Error {
  constructor(status, message, { isEnglish = false } = {}) {
    super(message);
    this.status = status;
    this.isEnglish = isEnglish;
  }
}

/** Called with the server's reason when an answer is 401. */
export const onSignedOut = { call: () => {} };

/** What a refusal says, if it is the API's and no proxy's page. */
export function refused(status, said) {
  return typeof said?.error === 'string'
    ? new ApiError(status, said.error, { isEnglish: true })
    : new ApiError(status, tr('The server answered {status}.', { status }));
}

/** An answer and its body, read within the deadline. `read`: how, such as 'json'. */
async function ask(address, { signal, read = 'json', ...options } = {}) {
  const deadline = AbortSignal.timeout(DEADLINE_MS);
  let answer;
  let body;
  try {
    answer = await fetch(address, { credentials: 'same-origin', cache: 'no-store', signal: signal ? AbortSignal.any([signal, deadline]) : deadline, ...options });
    if (!answer.ok) body = await answer.json().catch(() => null);
    else if (answer.status !== 204) body = await answer[read]();
  } catch (error) {
    if (signal?.aborted) throw error;
    throw new ApiError(0, tr('The server does not answer.'));
  }
  if (answer.ok || answer.status === 304) return { answer, body };
  const error = refused(answer.status, body);
  if (answer.status === 401 && address !== '/session') onSignedOut.call(error.message);
  throw error;
}

/** The answer to a GET as { data, changed }: changed is false if it is what was known already. */
export async function get(address, { signal } = {}) {
  const before = known.get(address);
  const headers = before?.etag ? { 'If-None-Match': before.etag } : {};
  const { answer, body: data } = await ask(address, { headers, signal });
  if (answer.status === 304) {
    known.delete(address);
    known.set(address, before); // the newest is last
    return { data: before.data, changed: false };
  }
  known.delete(address);
  known.set(address, { etag: answer.headers.get('ETag'), data });
  while (known.size > KEPT) known.delete(known.keys().next().value);
  return { data, changed: true };
}

/** The same, but null where the API has no such thing. */
export async function getIfThere(address, options) {
  try {
    return await get(address, options);
  } catch (error) {
    if (error.status === 404) return null;
    throw error;
  }
}

/** The bytes at an address, which browsers may keep. */
export async function getBytes(address) {
  return new Uint8Array((await ask(address, { cache: 'default', read: 'arrayBuffer' })).body);
}

const underWay = new Map(); // what is being sent -> its answer

/** Send something; gives the answer's JSON, or null. The same asked for again meanwhile is sent once. */
export function send(method, address, body) {
  const text = body === undefined ? undefined : JSON.stringify(body);
  const wanted = [method, address, text].join('\n');
  if (!underWay.has(wanted)) {
    const headers = text === undefined ? {} : { 'Content-Type': 'application/json' };
    underWay.set(wanted, ask(address, { method, headers, body: text }).then(({ body: said }) => said ?? null).finally(() => underWay.delete(wanted)));
  }
  return underWay.get(wanted);
}

export function forget() {
  known.clear();
}

/** An address with a query; lists become repeated names, null and empty are left out. */
export function withQuery(path, query) {
  const parts = new URLSearchParams();
  for (const [name, value] of Object.entries(query)) {
    for (const one of Array.isArray(value) ? value : [value]) {
      if (one !== null && one !== undefined && one !== '') parts.append(name, one);
    }
  }
  const text = parts.toString();
  return text ? `${path}?${text}` : path;
}
