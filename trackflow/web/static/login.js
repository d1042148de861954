// Signing in with a token, the same on every page. The cookie that follows is out of a script's reach.

import { forget, send } from './api.js';
import { byId } from './dom.js';

/** Try the token of the form; whether it opens the door. What is wrong is said in the form. */
export async function signIn(event) {
  event.preventDefault();
  byId('login-error').textContent = '';
  try {
    await send('POST', '/session', { token: byId('token').value });
  } catch (error) {
    byId('login-error').textContent = error.message;
    byId('token').select();
    return false;
  }
  byId('token').value = '';
  byId('login').close();
  return true;
}

/** Ask for a token; the server's reason says what else may be done. */
export function askForToken(reason) {
  byId('login-why').textContent = reason ?? '';
  if (!byId('login').open) byId('login').showModal();
}

/** Forget the token, here and in the browser, and begin anew. */
export async function signOut() {
  await send('DELETE', '/session');
  forget();
  location.reload();
}
