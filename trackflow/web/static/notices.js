// What needs a person's attention: notices, and what devices without a preset look like.

import { get } from './api.js';
import { ofDevice } from './colours.js';
import { el } from './dom.js';
import { counted } from './format.js';

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
    notices.length > 0 && el('h3', {}, 'Needs attention'),
    notices.slice(0, SHOWN).map(card),
    notices.length > SHOWN && el('p', { class: 'dim' }, `and ${counted(notices.length - SHOWN, 'notice')} more: “trackflow status --json” has all.`),
    guesses.length > 0 && el('h3', {}, 'What devices look like'),
    guesses.length > 0 && el('ul', { class: 'guesses' }, guesses.map(guess)),
    guesses.length > 0 && el('p', { class: 'dim' }, 'By their newest points. “trackflow device ID --preset NAME” chooses; without it the defaults hold.'),
  ];
}

function card(notice) {
  return el('div', { class: 'state attention', data: { level: 'busy' } },
    el('p', { class: 'strong' }, el('span', { class: 'dot' }), notice.device_id ?? 'Input that names no device'),
    el('p', {}, `${capital(notice.text)}.`),
    notice.days > 1 && el('p', {}, `${counted(notice.days, 'day')} from ${notice.first_day} to ${notice.last_day} (UTC).`),
    notice.days === 1 && el('p', {}, `On ${notice.first_day} (UTC).`),
    el('p', {}, code(`What to do: ${notice.advice}.`)));
}

function guess({ device_id: id, preset, why }) {
  return el('li', {}, el('span', { class: 'swatch', style: { '--colour': ofDevice(id) } }), ` ${id} looks like: `, el('strong', {}, preset), el('span', { class: 'dim' }, ` (${why})`));
}

const capital = (text) => text.charAt(0).toUpperCase() + text.slice(1);

/** A text whose parts between backticks are commands. */
const code = (text) => text.split('`').map((part, k) => (k % 2 ? el('code', {}, part) : part));
