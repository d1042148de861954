// What to do where there is nothing yet.

import { el, empty } from './dom.js';
import { tr } from './words.js';

/** How the first points come, as children of an element. */
export const firstPoints = () => tr('Drop files on the page {data}, or let devices send: there each gets a token of its own.', { data: el('a', { class: 'link', href: '/data' }, tr('Data')) });

/** The empty state of a service without points. */
export const noPoints = () => empty(tr('No points yet'), firstPoints());
