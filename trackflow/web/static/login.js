// Signing in with a token, the same on every page. The cookie that follows is out of a script's reach.

import { forget, onSignedOut, send } from './api.js';
import { byId, capital, el, english, fill } from './dom.js';
import { wordsOf } from './problems.js';
import { installShell } from './shell.js';
import { tr } from './words.js';

/**
 * Put the dialog that asks for a token into a page; it opens when the server wants one.
 * `admin` says what takes a token for admin (if anything does), and `opens` what the button opens;
 * `begin` is called after signing in.
 */
export function installLogin({ admin, opens, begin }) {
  const submit = async (event) => {
    event.preventDefault();
    if (await signIn()) await begin();
  };
  document.body.append(el('dialog', { id: 'login', class: 'card login', 'aria-labelledby': 'login-title', on: { close: () => isIn || byId('login').open || byId('login').showModal() } },
    el('form', { id: 'login-form', on: { submit } },
      el('h2', { id: 'login-title' }, tr('Sign in')),
      el('p', {}, tr('This page needs a token. The person who runs the service makes one with {command}.', { command: el('code', {}, 'trackflow token create NAME --scope read') }),
        admin && ` ${admin}`),
      el('input', { type: 'text', name: 'username', value: 'token', autocomplete: 'username', hidden: true }),
      el('p', { id: 'login-why', class: 'dim', lang: 'en' }),
      el('label', { for: 'token' }, tr('Token')),
      el('input', { id: 'token', name: 'token', type: 'password', autocomplete: 'current-password', required: true, maxlength: '200', spellcheck: 'false' }),
      el('p', { id: 'login-error', class: 'bad', role: 'alert' }),
      el('button', { class: 'primary', type: 'submit' }, opens))));
  byId('sign-out').addEventListener('click', signOut);
  onSignedOut.call = askForToken;
  installShell();
}

let isIn = false; // Escape, or a phone's Back, closes a dialog at the second time whatever a page says

/** Try the token of the form; whether it is accepted. The form shows what is wrong. */
async function signIn() {
  byId('login-error').textContent = '';
  try {
    await send('POST', '/session', { token: byId('token').value });
  } catch (error) {
    fill(byId('login-error'), wordsOf(error));
    byId('token').select();
    return false;
  }
  byId('token').value = '';
  isIn = true;
  byId('login').close();
  return true;
}

/** Ask for a token; the server's reason says what else may be done. */
export function askForToken(reason) {
  isIn = false;
  fill(byId('login-why'), english(capital(reason)));
  if (!byId('login').open) byId('login').showModal();
}

/** Forget the token, here and in the browser, and begin anew. */
async function signOut() {
  await send('DELETE', '/session');
  forget();
  location.reload();
}
