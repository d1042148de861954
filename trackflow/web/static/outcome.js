// The inputs for what a trip was for, the same on the map and in the logbook.

import { ALL_CATEGORIES, categoryName, partName } from './codes.js';
import { el } from './dom.js';
import { tr } from './words.js';

/** A choice of categories; `chosen` may be another one. */
export function categorySelect(chosen, key) {
  return el('select', { 'aria-label': tr('Category'), 'data-key': key },
    el('option', { value: '' }, tr('category…')),
    [...new Set([...ALL_CATEGORIES, chosen].filter(Boolean))].map((name) => el('option', { value: name, selected: name === chosen }, categoryName(name))));
}

/** An input for a text of a trip, such as its purpose. */
export function textInput(name, value, key) {
  const words = partName(name);
  return el('input', { name, placeholder: words, 'aria-label': words, maxlength: '500', value: value ?? '', 'data-key': key });
}

/** What an input says; null for nothing. */
export const said = (input) => input.value.trim() || null;
