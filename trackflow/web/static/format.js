// Numbers and times in the reader's language. Times are in the zone that is shown, lengths in the
// reader's units.

import { el } from './dom.js';
import { UNITS } from './units.js';
import { LOCALE, plural, tr } from './words.js';
import { zoneName } from './zones.js';

const LONG_HOURS = 48; // from there on only days are shown
const formats = new Map();

function formatter(options) {
  const zone = zoneName();
  const key = JSON.stringify([zone, options]);
  if (!formats.has(key)) formats.set(key, new Intl.DateTimeFormat(LOCALE, { timeZone: zone, hourCycle: 'h23', ...options }));
  return formats.get(key);
}

export const clock = (time) => formatter({ hour: '2-digit', minute: '2-digit' }).format(new Date(time));

export const exactClock = (time) => formatter({ hour: '2-digit', minute: '2-digit', second: '2-digit' }).format(new Date(time));

const yearOf = (time) => formatter({ year: 'numeric' }).format(time);

/** A day; with its year if that is not this one. */
export const date = (time) => (yearOf(new Date(time)) === yearOf(new Date()) ? formatter({ weekday: 'short', day: 'numeric', month: 'short' }).format(new Date(time)) : longDate(time));

export const longDate = (time) => formatter({ weekday: 'short', day: 'numeric', month: 'short', year: 'numeric' }).format(new Date(time));

export const moment = (time) => `${date(time)}, ${clock(time)}`;

/** A day (YYYY-MM-DD) in words; the same in every zone. */
export const dayWords = (day) => new Intl.DateTimeFormat(LOCALE, { timeZone: 'UTC', day: 'numeric', month: 'short', year: 'numeric' }).format(new Date(`${day}T00:00Z`)).replaceAll(' ', '\u00a0');

/** Whether two moments lie on the same day in the zone that is shown. */
export const sameDay = (a, b) => longDate(a) === longDate(b);

export const utc = (time) => `${new Date(time).toISOString().slice(0, 19).replace('T', ' ')} UTC`;

/** A time as an element: UTC on hover. */
export const when = (time, format = moment) =>
  time ? el('time', { datetime: time, title: utc(time) }, format(time)) : el('span', { class: 'dim' }, tr('never'));

/** From–to of a track: the second date only if it is another one. */
export function span(start, end) {
  return [when(start, clock), ' – ', sameDay(start, end) ? when(end, clock) : when(end)];
}

export const count = (n) => new Intl.NumberFormat(LOCALE).format(n ?? 0);

/** A number with so many digits after its point. */
export const decimal = (n, digits) => new Intl.NumberFormat(LOCALE, { minimumFractionDigits: digits, maximumFractionDigits: digits }).format(n);

export function distance(metres) {
  if (metres === null || metres === undefined) return '–';
  const [[near, ofNear], [far, ofFar]] = [UNITS.near, UNITS.far];
  if (metres < 1000) return `${count(Math.round(metres / ofNear))} ${near}`;
  const long = metres / ofFar;
  return `${new Intl.NumberFormat(LOCALE, { maximumFractionDigits: long < 100 ? 1 : 0 }).format(long)} ${far}`;
}

/** A height or a climb. */
export function height(metres) {
  if (metres === null || metres === undefined) return '–';
  const [name, one] = UNITS.height;
  return `${count(Math.round(metres / one))} ${name}`;
}

/** A distance to the millimetre, for those who add up. */
export const exactDistance = (metres) => `${new Intl.NumberFormat(LOCALE, { minimumFractionDigits: 3 }).format(metres)} m`;

export function duration(seconds) {
  if (seconds === null || seconds === undefined) return '–';
  const total = Math.max(0, Math.round(seconds));
  if (total < 60) return tr('{n} s', { n: total });
  const minutes = Math.round(total / 60);
  if (minutes < 60) return tr('{n} min', { n: minutes });
  const hours = Math.floor(minutes / 60);
  if (hours < LONG_HOURS) return tr('{h} h {min} min', { h: hours, min: String(minutes % 60).padStart(2, '0') });
  return plural('{n} day', '{n} days', Math.round(hours / 24));
}

export const ago = (time) => {
  const seconds = (Date.now() - new Date(time)) / 1000;
  if (seconds < 5) return tr('just now');
  const hours = Math.floor(Math.round(seconds / 60) / 60);
  if (hours < 1) return tr('{time} ago', { time: duration(seconds) });
  // one unit is enough, as the time itself is the title: minutes of hours were cut off in narrow rows
  return hours < LONG_HOURS ? tr('{time} ago', { time: tr('{n} h', { n: hours }) }) : plural('{n} day ago', '{n} days ago', Math.round(hours / 24));
};

/** The same as an element that grows older by itself. */
export const age = (time) => el('span', { title: utc(time), data: { since: time } }, ago(time));

export function tickAges() {
  for (const place of document.querySelectorAll('[data-since]')) {
    const words = ago(place.dataset.since);
    if (place.textContent !== words) place.textContent = words;
  }
}

export const percent = (share) => (share === null || share === undefined ? '–' : `${Math.round(share * 100)} %`);

export const speed = (kmh) => (kmh === null || kmh === undefined ? '–' : `${Math.round(kmh / UNITS.speed[1])} ${UNITS.speed[0]}`);
