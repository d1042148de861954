// The calendar of years: a square for each day, darker for more kilometres. A day leads to the map.

import { el, fill } from './dom.js';
import { dayWords, distance } from './format.js';
import { asDay } from './numbers-range.js';
import { LOCALE, plural, tr } from './words.js';

const MONDAY = Date.UTC(2024, 0, 1);
const inWords = (options) => new Intl.DateTimeFormat(LOCALE, { timeZone: 'UTC', ...options });
const MONTHS = Array.from({ length: 12 }, (_, month) => inWords({ month: 'short' }).format(Date.UTC(2024, month, 1)));
const WEEKDAYS = Array.from({ length: 7 }, (_, k) => (k % 2 ? '' : inWords({ weekday: 'short' }).format(MONDAY + k * 86400000)));
const STEPS = { ArrowLeft: -7, ArrowRight: 7, ArrowUp: -1, ArrowDown: 1 };

/** Distances from which a day has the levels 2, 3 and 4: a quarter of the days each. */
function levels(metres) {
  const sorted = metres.filter((one) => one > 0).sort((a, b) => a - b);
  return [0.25, 0.5, 0.75].map((share) => sorted[Math.floor(share * sorted.length)] ?? Infinity);
}

const levelOf = (metres, limits) => (metres > 0 ? 1 + limits.filter((limit) => metres >= limit).length : 0);

/** Draw the years from `first` to `last`, the newest on top; `rows` are by day. */
export function drawCalendar(box, rows, first, last) {
  const days = new Map(rows.map((row) => [row.first_day, row]));
  const limits = levels(rows.map((row) => row.distance_m));
  const years = [];
  for (let year = Number(last.slice(0, 4)); year >= Number(first.slice(0, 4)); year -= 1) years.push(oneYear(year, days, limits, first, last));
  const scale = el('p', { class: 'scale' }, tr('less'), [0, 1, 2, 3, 4].map((level) => el('span', { class: 'cell', data: { level } })), tr('more'),
    Number.isFinite(limits[2]) && ` (${tr('strongest from {distance} a day', { distance: distance(limits[2]) })})`);
  fill(box, years, scale);
  for (const scroll of box.querySelectorAll('.scroll')) scroll.scrollLeft = scrollTo(scroll, last);
}

/** On a narrow screen, the last month that counts is seen first. */
function scrollTo(scroll, last) {
  const shownLast = scroll.dataset.year === last.slice(0, 4) ? Number(last.slice(5, 7)) : 12;
  return Math.max(0, (scroll.scrollWidth * shownLast) / 12 - scroll.clientWidth);
}

function oneYear(year, days, limits, first, last) {
  const cells = [];
  const months = [];
  const date = new Date(Date.UTC(year, 0, 1));
  const lead = (date.getUTCDay() + 6) % 7;
  for (let k = 0; date.getUTCFullYear() === year; k += 1, date.setUTCDate(date.getUTCDate() + 1)) {
    const day = asDay(date);
    if (date.getUTCDate() === 1) months.push(el('span', { style: { 'grid-column': `${Math.floor((k + lead) / 7) + 1} / span 4`, 'grid-row': '1' } }, MONTHS[date.getUTCMonth()]));
    cells.push(cell(day, days.get(day), limits, day >= first && day <= last));
  }
  cells[0].style.setProperty('grid-row-start', String(lead + 1));
  const links = cells.filter((one) => one.href);
  if (links.length) links.at(-1).tabIndex = 0;
  const grid = el('div', { class: 'cells', role: 'group', 'aria-label': tr('Days of {year}', { year }), on: { keydown: (event) => move(event, cells) } }, cells);
  return el('div', { class: 'year' },
    el('h3', {}, String(year)),
    el('div', { class: 'weekdays', 'aria-hidden': 'true' }, WEEKDAYS.map((name) => el('span', {}, name))),
    el('div', { class: 'scroll', data: { year } }, el('div', { class: 'months', 'aria-hidden': 'true' }, months), grid));
}

function cell(day, row, limits, inside) {
  const level = row ? levelOf(row.distance_m, limits) : 0;
  if (!row) return el('span', { class: 'cell', title: inside ? `${dayWords(day)}: ${tr('nothing')}` : undefined, style: inside ? {} : { opacity: '.45' }, data: { day } });
  const words = `${dayWords(day)}: ${distance(row.distance_m)}, ${plural('{n} trip', '{n} trips', row.trips)}`;
  return el('a', { class: 'cell', href: `/#day=${day}`, title: words, 'aria-label': words, tabindex: '-1', data: { day, level } });
}

/** Arrow keys move by days and weeks to the next day with tracks. */
function move(event, cells) {
  const step = STEPS[event.key];
  let at = cells.indexOf(event.target);
  if (!step || at < 0) return;
  event.preventDefault();
  do at += step; while (cells[at] && !cells[at].href);
  if (!cells[at]) return;
  for (const other of cells) if (other.href) other.tabIndex = -1;
  cells[at].tabIndex = 0;
  cells[at].focus();
}
