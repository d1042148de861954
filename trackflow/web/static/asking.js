// Asking before something is done that many rows or files feel.

import { byId, el, fill, withCommands } from './dom.js';
import { tr } from './words.js';

let answer = () => {};

function dialog() {
  const made = el('dialog', { id: 'ask', class: 'card login', 'aria-labelledby': 'ask-title', on: { cancel: () => answer(false), submit: (event) => answer(event.submitter?.value === 'yes') } },
    el('form', { method: 'dialog' },
      el('h2', { id: 'ask-title' }),
      el('p', { id: 'ask-text' }),
      el('div', { class: 'actions' },
        el('button', { type: 'submit', value: '' }, tr('Leave it')),
        el('button', { id: 'ask-yes', class: 'primary', type: 'submit', value: 'yes' }))));
  document.body.append(made);
  return made;
}

/** Ask before something is done; a question that is still open counts as answered with no. */
export function confirmed(title, text, yes) {
  const box = byId('ask') ?? dialog();
  answer(false);
  byId('ask-title').textContent = title;
  fill(byId('ask-text'), withCommands(text));
  byId('ask-yes').textContent = yes;
  if (!box.open) box.showModal();
  return new Promise((done) => { answer = done; });
}
