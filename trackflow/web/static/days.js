// A strip of bars: how far was driven on each day, week, month or year; a click goes there.

import { get, withQuery } from './api.js';
import { byId, el, fill, oneInTabOrder, roving } from './dom.js';
import { distance, longDate } from './format.js';
import { beginOf, shiftDay, shiftPeriod } from './periods.js';
import { daysOfRange, lengthDays } from './range.js';
import { change, state } from './state.js';
import { LOCALE, plural, tr } from './words.js';
import { dayOf, midnight, zoneName } from './zones.js';

const UNITS = {
  day: { by: tr('Distance by day'), most: (distance) => tr('{distance} a day', { distance }) },
  week: { by: tr('Distance by week'), most: (distance) => tr('{distance} a week', { distance }) },
  month: { by: tr('Distance by month'), most: (distance) => tr('{distance} a month', { distance }) },
  year: { by: tr('Distance by year'), most: (distance) => tr('{distance} a year', { distance }) },
};
const SHOWN = { day: 28, week: 30, month: 36, year: 12 };

/** How long the bars are for a range: it takes a part of the strip, or a little more than all. */
const unitOf = (days) => (days <= 31 ? 'day' : days <= 210 ? 'week' : days <= 1100 ? 'month' : 'year');

let last = null; // { unit, begin } of the last bar

/** The strip moves only when the range leaves it. */
function lastBar(unit) {
  const [from, to] = daysOfRange();
  const newest = beginOf(dayOf(Date.now()), unit);
  const of = beginOf(to, unit);
  const first = last && shiftPeriod(last.begin, 1 - SHOWN[unit], unit);
  if (last?.unit !== unit || of > last.begin || from < first) {
    const wanted = shiftPeriod(of, Math.floor(SHOWN[unit] / 4), unit);
    last = { unit, begin: wanted > newest ? newest : wanted };
  }
  if (last.begin < of) last.begin = of;
  return last.begin;
}

/** Ask for the figures and draw them. */
export async function refreshDays(signal) {
  const unit = unitOf(lengthDays());
  const end = lastBar(unit);
  const begins = Array.from({ length: SHOWN[unit] }, (_, k) => shiftPeriod(end, k + 1 - SHOWN[unit], unit));
  const asked = { device: state.devices, from: begins[0], to: shiftDay(shiftPeriod(end, 1, unit), -1), zone: zoneName() };
  draw(begins, unit, await sumsOf(asked, unit, signal));
}

/** Of all devices together: of a thousand vehicles, those of each would be megabytes. */
async function sumsOf(asked, unit, signal) {
  if (state.devices?.length === 0) return new Map();
  const { data } = await get(withQuery('/api/v1/numbers', { ...asked, by: unit }), { signal });
  return new Map(data.rows.map((row) => [beginOf(row.first_day, unit), { mm: Math.round(row.distance_m * 1000), tracks: row.trips }]));
}

/** What a bar is called: aloud, and where the axis has room for it. */
function nameOf(begin, unit) {
  if (unit === 'day') return longDate(midnight(begin));
  if (unit === 'week') return tr('Week from {day}', { day: longDate(midnight(begin)) });
  return unit === 'year' ? begin.slice(0, 4) : new Date(`${begin}T12:00:00Z`).toLocaleDateString(LOCALE, { month: 'long', year: 'numeric', timeZone: 'UTC' });
}

/** A mark of the axis, where a longer period begins; empty for most bars. */
function markOf(begin, unit) {
  if (unit === 'year') return Number(begin.slice(0, 4)) % 2 ? '' : begin.slice(0, 4);
  const month = () => new Date(`${begin}T12:00:00Z`).toLocaleDateString(LOCALE, { month: 'short', timeZone: 'UTC' });
  if (unit === 'month') return begin.slice(5, 7) === '01' ? begin.slice(0, 4) : '';
  if (unit === 'week') return Number(begin.slice(8)) <= 7 && [0, 3, 6, 9].includes(Number(begin.slice(5, 7)) - 1) ? month() : '';
  return new Date(`${begin}T12:00:00Z`).getUTCDay() === 1 ? String(Number(begin.slice(8))) : '';
}

/** The range of a bar. */
const rangeOf = (begin, unit) => (unit === 'day' ? { kind: 'day', day: begin } : { kind: 'span', from: begin, to: shiftDay(shiftPeriod(begin, 1, unit), -1) });

function draw(begins, unit, sums) {
  const most = Math.max(0, ...[...sums.values()].map((s) => s.mm));
  const [from, to] = daysOfRange();
  const bars = begins.map((begin) => {
    const sum = sums.get(begin);
    const isChosen = shiftPeriod(begin, 1, unit) > from && begin <= to;
    const words = `${nameOf(begin, unit)} (${zoneName()}): ${sum ? `${distance(sum.mm / 1000)}, ${plural('{n} track', '{n} tracks', sum.tracks)}` : tr('nothing')}`;
    return el('button', {
      type: 'button', class: `bar${isChosen ? ' chosen' : ''}`, 'data-key': `day-${begin}`, data: { mm: sum?.mm ?? 0 },
      title: words, 'aria-label': words, 'aria-pressed': isChosen,
      on: { click: () => change({ range: rangeOf(begin, unit), track: null }) },
    }, el('span', { style: { height: sum ? `${Math.max(10, (100 * sum.mm) / Math.max(1, most))}%` : '2px' }, class: sum ? 'full' : '' }));
  });
  oneInTabOrder(bars, bars.find((bar) => bar.classList.contains('chosen')) ?? bars.at(-1));
  const strip = byId('days');
  if (!strip) return;
  if (!strip.dataset.wired) {
    roving(strip, '.bar', 'horizontal');
    strip.dataset.wired = 'yes';
    strip.setAttribute('role', 'group');
  }
  strip.dataset.unit = unit;
  strip.setAttribute('aria-label', UNITS[unit].by);
  fill(strip, [
    el('span', { class: 'bars-most', 'aria-hidden': 'true' }, most ? UNITS[unit].most(distance(most / 1000)) : ''),
    el('div', { class: 'bars' }, bars),
    el('div', { class: 'bars-axis', 'aria-hidden': 'true' }, begins.map((begin) => el('span', {}, markOf(begin, unit)))),
  ]);
}
