// What goes wrong, in words; and beginning a page, again and again until it works.

import { ApiError } from './api.js';
import { byId, capital, english, fill } from './dom.js';
import { tr } from './words.js';

const FIRST_WAIT_MS = 3000;
const MOST_WAIT_MS = 30000;

/** Whether there is nothing to say: it was given up by the page itself, or signing in is asked for. */
export const isSilent = (error) => !error || error.name === 'AbortError' || error.status === 401;

/** Whether what asks every few seconds tries it again: all but what the server refuses. */
export const isTriedAgain = (error) => Boolean(error) && !(error.status >= 400 && error.status < 500);

const sentence = (text) => capital(text).replace(/[^.!?]$/, '$&.');

/** What is wrong, as children of an element: what the server says is English on every page. */
export function wordsOf(error) {
  if (!(error instanceof ApiError)) {
    console.error(error);
    return [tr('Something unexpected went wrong: {message}', { message: english(sentence(error.message)) })].flat();
  }
  return [error.isEnglish ? english(sentence(error.message)) : error.message];
}

/** Say in a box what is wrong; nothing hides it. `isTriedAgain`: whether the page does so by itself. */
export function tellIn(box, error, { isTriedAgain: isAgain = false } = {}) {
  const words = isSilent(error) ? [] : [...wordsOf(error), isAgain && ` ${tr('It is tried again by itself.')}`].filter(Boolean);
  const said = words.map((one) => one.textContent ?? one).join('');
  box.hidden = !said;
  if (box.textContent !== said) fill(box, words); // the same twice would be read aloud twice
}

/** Say it at the top of a page. */
export const tellProblem = (error, options) => tellIn(byId('problem'), error, options);

let retrying = null; // what is waiting to be tried again

/** Resolves after a while, or as soon as there is a connection again. */
const rested = (wait) => new Promise((done) => {
  setTimeout(done, wait);
  addEventListener('online', done, { once: true });
});

/** Say that something could not be read, and read it again where that may help; of two such things, the newest. */
export async function tellAndRetry(error, read, wait = FIRST_WAIT_MS) {
  const isAgain = isTriedAgain(error) && !isSilent(error);
  tellProblem(error, { isTriedAgain: isAgain });
  retrying = isAgain ? read : null;
  if (!isAgain) return;
  await rested(wait);
  if (retrying !== read) return;
  retrying = null;
  try {
    await read();
    tellProblem(null);
  } catch (still) {
    await tellAndRetry(still, read, Math.min(MOST_WAIT_MS, wait * 2));
  }
}

const tellBeginning = (error) => tellProblem(error, { isTriedAgain: true });

/**
 * Begin a page as soon as all its modules are there, and again until it works. `tell` says what is
 * wrong. A page that asks for a token waits for it: signing in begins it anew.
 */
export async function beginPage(begin, tell = tellBeginning) {
  globalThis.starting?.isThere();
  for (let wait = FIRST_WAIT_MS; ; wait = Math.min(MOST_WAIT_MS, wait * 2)) {
    try {
      return await begin();
    } catch (error) {
      if (error.status === 401) return undefined;
      tell(error);
    }
    await rested(wait);
  }
}
