// What all pages have: the worker that opens them offline, and the choice of units.

import { byId, el } from './dom.js';
import { chooseUnits, isImperial } from './units.js';

/** With no network, pages open then, and say that the server does not answer. */
function installWorker() {
  if (navigator.serviceWorker) navigator.serviceWorker.register('/worker.js').catch((error) => console.debug('worker:', error.message));
}

export function installShell() {
  const choices = { metric: 'km', imperial: 'miles' };
  byId('sign-out').before(el('select', { id: 'units', class: 'units', 'aria-label': 'Units', on: { change: (event) => chooseUnits(event.target.value) } },
    Object.entries(choices).map(([name, words]) => el('option', { value: name, selected: (name === 'imperial') === isImperial }, words))));
  if (document.readyState === 'complete') installWorker();
  else globalThis.addEventListener('load', installWorker);
}
