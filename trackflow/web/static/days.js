// A strip of days: how far was driven on each; a click goes to that day.

import { get, withQuery } from './api.js';
import { byId, el, fill, oneInTabOrder, roving } from './dom.js';
import { counted, distance, longDate } from './format.js';
import { daysOfRange, shiftDay } from './range.js';
import { change, state } from './state.js';
import { dayOf, midnight, zoneName } from './zones.js';

const SHOWN = 28;

let last = null; // the last day of the strip

/** The strip moves only when the range leaves it. */
function lastDay() {
  const [from, to] = daysOfRange();
  const today = dayOf(Date.now());
  const cut = (day) => (day > today ? today : day);
  if (last === null || to > last || from < shiftDay(last, 1 - SHOWN)) last = cut(shiftDay(to, 7));
  if (last < to) last = to;
  return last;
}

/** Ask for the days and draw them. */
export async function refreshDays(signal) {
  const to = lastDay();
  const from = shiftDay(to, 1 - SHOWN);
  const { data } = await get(withQuery('/api/v1/days', { device: state.devices, from, to, zone: zoneName() }), { signal });
  const sums = new Map();
  for (const { day, distance_m: metres, tracks } of data.days) {
    const sum = sums.get(day) ?? { mm: 0, tracks: 0 };
    sums.set(day, { mm: sum.mm + Math.round(metres * 1000), tracks: sum.tracks + tracks });
  }
  draw(Array.from({ length: SHOWN }, (_, k) => shiftDay(from, k)), sums);
}

function draw(days, sums) {
  const most = Math.max(1, ...[...sums.values()].map((s) => s.mm));
  const [from, to] = daysOfRange();
  const bars = days.map((day) => {
    const sum = sums.get(day);
    const words = `${longDate(midnight(day))} (${zoneName()}): ${sum ? `${distance(sum.mm / 1000)}, ${counted(sum.tracks, 'track')}` : 'nothing'}`;
    return el('button', {
      type: 'button', class: `bar${day >= from && day <= to ? ' chosen' : ''}`, 'data-key': `day-${day}`, data: { mm: sum?.mm ?? 0 },
      title: words, 'aria-label': words, 'aria-pressed': day >= from && day <= to,
      on: { click: () => change({ range: { kind: 'day', day }, track: null }) },
    }, el('span', { style: { height: sum ? `${Math.max(10, (100 * sum.mm) / most)}%` : '2px' }, class: sum ? 'full' : '' }));
  });
  oneInTabOrder(bars, bars.find((bar) => bar.classList.contains('chosen')) ?? bars.at(-1));
  const strip = byId('days');
  if (!strip) return;
  if (!strip.dataset.wired) {
    roving(strip, '.bar', 'horizontal');
    strip.dataset.wired = 'yes';
    strip.setAttribute('role', 'group');
    strip.setAttribute('aria-label', 'Distance by day');
  }
  fill(strip, bars);
}
