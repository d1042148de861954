// Asking the API. What has not changed is not sent again (ETag), and is known to be unchanged.

import { tr } from './words.js';


const KEPT = 100;
const known = new Map(); // address -> { etag, data }

export class ApiError extends Error {
  constructor(status, message) {
    super(message);
    this.status = status;
  }
}

/** Called with the server's reason when an answer is 401. */
export const onSignedOut = { call: () => {} };

async function ask(address, options) {
  let answer;
  try {
    answer = await fetch(address, { credentials: 'same-origin', cache: 'no-store', ...options });
  } catch (error) {
    if (error.name === 'AbortError') throw error;
    throw new ApiError(0, tr('The server does not answer.'));
  }
  if (answer.ok || answer.status === 304) return answer;
  let message = tr('The server answered {status}.', { status: answer.status });
  try {
    message = (await answer.json()).error ?? message;
  } catch {
    // not JSON: a proxy's page
  }
  if (answer.status === 401 && address !== '/session') onSignedOut.call(message);
  throw new ApiError(answer.status, message);
}

/** The answer to a GET as { data, changed }: changed is false if it is what was known already. */
export async function get(address, { signal } = {}) {
  const before = known.get(address);
  const headers = before?.etag ? { 'If-None-Match': before.etag } : {};
  const answer = await ask(address, { headers, signal });
  if (answer.status === 304) {
    known.delete(address);
    known.set(address, before); // the newest is last
    return { data: before.data, changed: false };
  }
  const data = await answer.json();
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

/** Send something; gives the answer's JSON, or null. */
export async function send(method, address, body) {
  const answer = await ask(address, {
    method,
    headers: body === undefined ? {} : { 'Content-Type': 'application/json' },
    body: body === undefined ? undefined : JSON.stringify(body),
  });
  return answer.status === 204 ? null : answer.json();
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
