// What waits although nobody is at work: after a while a page says what would begin it.

import { el } from './dom.js';
import { tr } from './words.js';

const LONG_S = 20;

const waitsLong = (one) => one.status === 'queued' && !one.cancel_requested && (Date.now() - new Date(one.next_try_at ?? one.created_at)) / 1000 > LONG_S;

/** Whether of jobs or meshes one waits, and none of them is in work. */
export const nobodyWorks = (all) => all.some(waitsLong) && !all.some((one) => one.status === 'running');

/** The sentence about it; nothing where there is nothing to say. */
export const nobodyWorksHint = (...all) => nobodyWorks(all) && el('p', { class: 'dim nobody' }, tr('Nobody is at work on it: it begins when “trackflow serve” runs.'));
