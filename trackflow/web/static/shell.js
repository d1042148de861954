// What all pages have: the worker that opens them offline, and the choices of units and language.

import { byId, el } from './dom.js';
import { chooseUnits, isImperial } from './units.js';
import { LANGUAGE, tr } from './words.js';

/** With no network, pages open then, and say that the server does not answer. */
function installWorker() {
  if (navigator.serviceWorker) navigator.serviceWorker.register('/worker.js').catch((error) => console.debug('worker:', error.message));
}

/** A choice that holds on all pages; a change draws the page anew. */
const chooser = (id, label, options, chosen, choose) =>
  el('select', { id, class: 'shell-choice', 'aria-label': label, on: { change: (event) => choose(event.target.value) } },
    Object.entries(options).map(([name, words]) => el('option', { value: name, selected: name === chosen, lang: id === 'language' && name }, words)));

/** A double click does once what a click does: its second half would meet what the first one has drawn. */
function onceByDoubleClick(event) {
  if (event.detail < 2 || !event.target.closest?.('button:is([type=submit], .plain, .primary)')) return;
  event.preventDefault();
  event.stopPropagation();
}

export function installShell() {
  document.addEventListener('click', onceByDoubleClick, true);
  const { names, choose } = globalThis.language;
  byId('sign-out').before(
    chooser('units', tr('Units'), { metric: 'km', imperial: tr('miles') }, isImperial ? 'imperial' : 'metric', chooseUnits),
    chooser('language', tr('Language'), names, LANGUAGE, choose));
  if (document.readyState === 'complete') installWorker();
  else globalThis.addEventListener('load', installWorker);
}
