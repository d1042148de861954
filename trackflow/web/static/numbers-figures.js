// How each figure is shown, and how it compares with the period before.

import { categoryName, modeName } from './codes.js';
import { el, stacks } from './dom.js';
import { count, dayWords, distance, duration, height, speed } from './format.js';
import { countryName } from './country-names.js';
import { nameOf } from './looks.js';
import { UNITS } from './units.js';
import { plural, tr } from './words.js';

const hours = (seconds) => {
  if (seconds === null || seconds === undefined) return '–';
  return seconds < 36000 ? duration(seconds) : tr('{n} h', { n: count(Math.round(seconds / 3600)) });
};

/** By name: words, how it is shown, and its unit on an axis with what one of it is worth. */
export const FIGURES = {
  distance_m: [tr('Distance'), distance, ...UNITS.far],
  duration_s: [tr('On the way'), hours, tr('axis|h'), 3600],
  moving_s: [tr('Moving'), hours, tr('axis|h'), 3600],
  idle_s: [tr('Idle'), hours, tr('axis|h'), 3600],
  trips: [tr('Trips'), count, '', 1],
  average_speed_kmh: [tr('Average'), speed, ...UNITS.speed],
  max_speed_kmh: [tr('Top speed'), speed, ...UNITS.speed],
  elevation_gain_m: [tr('Elevation gain'), height, ...UNITS.height],
};

export const shown = (name, value) => FIGURES[name][1](value);

/** The change against the period before, in words; null where there is none to compare with. */
export function change(now, before) {
  if (now === null || before === null || before === undefined || !before) return null;
  const share = Math.round((now / before - 1) * 100);
  const kind = share > 0 ? 'up' : share < 0 ? 'down' : '';
  const words = share === 0 ? tr('the same') : `${Math.abs(share)} %`;
  return el('span', { class: `change ${kind}`, 'aria-label': share === 0 ? words : share > 0 ? tr('{share} more than before', { share: words }) : tr('{share} less than before', { share: words }) }, words);
}

/** The tiles of the totals. */
export function tiles(totals, before) {
  return Object.entries(FIGURES).map(([name, [words]]) =>
    el('div', {}, el('dt', {}, words), el('dd', { data: { figure: name, value: totals[name] ?? '' } }, shown(name, totals[name]), before && change(totals[name], before[name]))));
}

const GROUPS = { device: tr('device'), group: tr('group'), mode: tr('travel mode'), category: tr('category') };
const KEYS = { mode: modeName, category: categoryName };

/** The table of groups; a device leads to its own numbers by `choose`. */
export function groupTable(found, { most, choose }) {
  const names = Object.keys(FIGURES);
  const head = [GROUPS[found.per], ...names.map((name) => FIGURES[name][0]), found.before && tr('Before')].filter(Boolean);
  const row = (group) => el('tr', {},
    el('td', {}, choose && group.key ? el('button', { class: 'link', type: 'button', on: { click: () => choose(group.key) } }, nameOf(group.key)) : KEYS[found.per]?.(group.key) ?? group.key ?? tr('(none)')),
    names.map((name) => el('td', { class: 'number' }, shown(name, group[name]))),
    found.before && el('td', { class: 'number' }, distance(group.before.distance_m), ' ', change(group.distance_m, group.before.distance_m)));
  return [
    stacks(el('table', {}, el('thead', {}, el('tr', {}, head.map((text, k) => el('th', { class: k ? 'number' : '', scope: 'col' }, text)))),
      el('tbody', {}, found.groups.slice(0, most).map(row)))),
    found.groups.length > most && el('p', { class: 'dim' }, plural('{n} more is in the files.', '{n} more are in the files.', found.groups.length - most)),
  ];
}

const MOST_PLACES = 60;

/** Countries and towns, most days first. */
export function been(found) {
  if (!found.countries.length && !found.towns.length) return el('p', { class: 'dim' }, tr('Nowhere in this time.'));
  const item = (name, one) => el('li', { title: `${dayWords(one.first_day)} – ${dayWords(one.last_day)}` }, el('span', { class: 'strong' }, name), ' ', el('span', { class: 'dim' }, plural('{n} day', '{n} days', one.days)));
  const list = (title, items) => items.length > 0 && [el('h3', {}, title), el('ul', { class: 'been' }, items.slice(0, MOST_PLACES))];
  return [
    list(tr('Countries'), found.countries.map((one) => item(countryName(one.country), one))),
    list(tr('Towns with a stay'), found.towns.map((one) => item(`${one.town} (${one.country_code})`, one))),
    el('p', { class: 'dim' }, tr('Borders: Natural Earth. Towns: GeoNames (CC BY 4.0).')),
  ];
}
