// What needs a person's attention: notices, and what devices without a preset look like.

import { get } from './api.js';
import { ofDevice } from './colours.js';
import { capital, el, english } from './dom.js';
import { dayWords } from './format.js';
import { plural, tr } from './words.js';

const SHOWN = 20;
const AGAIN_MS = 30000; // they change with days, not with points
let known = { notices: [], looks_like: [] };
let askedAt = 0;

/** Ask again, unless that was just now; says whether they have changed. */
export async function refreshNotices() {
  if (Date.now() - askedAt < AGAIN_MS) return false;
  askedAt = Date.now();
  const before = noticesMark();
  known = (await get('/api/v1/notices')).data;
  return noticesMark() !== before;
}

export const noticesMark = () => JSON.stringify(known);
export const noticesCount = () => known.notices.length;

/** The section of the Work tab. */
export function noticesSection() {
  const { notices, looks_like: guesses } = known;
  return [
    notices.length > 0 && el('h3', {}, tr('Needs attention')),
    notices.slice(0, SHOWN).map(card),
    notices.length > SHOWN && el('p', { class: 'dim' }, plural('and {n} notice more: “trackflow status --json” has all.', 'and {n} notices more: “trackflow status --json” has all.', notices.length - SHOWN)),
    guesses.length > 0 && el('h3', {}, tr('What devices look like')),
    guesses.length > 0 && el('ul', { class: 'guesses' }, guesses.map(guess)),
    guesses.length > 0 && el('p', { class: 'dim' }, tr('By their newest points. “trackflow device ID --preset NAME” chooses; without it the defaults hold.')),
  ];
}

function card(notice) {
  return el('div', { class: 'state attention', data: { level: 'busy' } },
    el('p', { class: 'strong' }, el('span', { class: 'dot' }), notice.device_id ?? tr('Input that names no device')),
    el('p', {}, english(`${capital(notice.text)}.`)),
    notice.days > 1 && el('p', {}, plural('{n} day from {first} to {last} (UTC).', '{n} days from {first} to {last} (UTC).', notice.days, { first: dayWords(notice.first_day), last: dayWords(notice.last_day) })),
    notice.days === 1 && el('p', {}, tr('On {day} (UTC).', { day: dayWords(notice.first_day) })),
    el('p', {}, tr('What to do: {advice}.', { advice: english(notice.advice) })));
}

function guess({ device_id: id, preset, why }) {
  return el('li', {}, el('span', { class: 'swatch', style: { '--colour': ofDevice(id) } }), ' ', tr('{device} looks like: {preset}', { device: id, preset: el('strong', { translate: 'no' }, preset) }), el('span', { class: 'dim', lang: 'en' }, ` (${why})`));
}

