// Whether the server answers, and what is said if it does not.

import { ApiError } from './api.js';
import { announce, byId } from './dom.js';
import { data } from './loading.js';
import { drawChip } from './status.js';
import { tr } from './words.js';

/** `offline`: why the server does not answer, if so. */
export const connection = { offline: '', isSignedOut: false };

export const hasNotice = () => !byId('notice').hidden;

export function answered() {
  if (connection.offline) announce(tr('The server answers again'));
  connection.offline = '';
  notice('');
}

export function failed(error) {
  if (error.name === 'AbortError' || error.status === 401) return;
  if (!(error instanceof ApiError)) throw error;
  if (error.status === 0) {
    connection.offline = error.message;
    drawChip(data.status, connection.offline);
  }
  const again = error.status === 0 || error.status >= 500 ? ` ${tr('It is tried again by itself.')}` : '';
  notice(`${error.message.replace(/[^.!?]$/, '$&.')}${again}`);
}

function notice(text) {
  const box = byId('notice');
  box.hidden = !text;
  if (box.textContent !== text) box.textContent = text;
}
