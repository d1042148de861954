// The inputs for what a trip was for, the same on the map and in the logbook.

import { el } from './dom.js';

const CATEGORIES = ['business', 'private', 'commute', 'race'];

/** A choice of categories; `chosen` may be another one. */
export function categorySelect(chosen, key) {
  return el('select', { 'aria-label': 'Category', 'data-key': key },
    el('option', { value: '' }, 'category…'),
    [...new Set([...CATEGORIES, chosen].filter(Boolean))].map((name) => el('option', { value: name, selected: name === chosen }, name)));
}

/** An input for a text of a trip, such as its purpose. */
export function textInput(name, value, key) {
  const words = name[0].toUpperCase() + name.slice(1);
  return el('input', { name, placeholder: words, 'aria-label': words, maxlength: '500', value: value ?? '', 'data-key': key });
}

/** What an input says; null for nothing. */
export const said = (input) => input.value.trim() || null;
