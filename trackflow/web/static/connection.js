// Whether the server answers, and what is said if it does not.

import { announce, byId } from './dom.js';
import { data } from './loading.js';
import { isSilent, isTriedAgain, tellIn } from './problems.js';
import { drawChip } from './status.js';
import { tr } from './words.js';

/** `offline`: why the server does not answer, if so. */
export const connection = { offline: '', isSignedOut: false };

export const hasNotice = () => !byId('notice').hidden;

export function answered() {
  if (connection.offline) announce(tr('The server answers again'));
  connection.offline = '';
  tellIn(byId('notice'), null);
}

/** Say what went wrong, whatever it is; loading and polling try it again. */
export function failed(error) {
  if (isSilent(error)) return;
  if (error.status === 0) {
    connection.offline = error.message;
    drawChip(data.status, connection.offline);
  }
  tellIn(byId('notice'), error, { isTriedAgain: isTriedAgain(error) });
}
