// Bars by day, week, month or year, with an axis and numbers.

import { el, fill } from './dom.js';
import { dayWords } from './format.js';
import { FIGURES, shown } from './numbers-figures.js';
import { periodsOf } from './periods.js';
import { LOCALE, tr } from './words.js';

const PERIODS = { day: tr('day'), week: tr('week'), month: tr('month'), year: tr('year') };
const NUMBER_PX = 38; // of a column with its number above
const LABEL_PX = 90;
const MONTH = new Intl.DateTimeFormat(LOCALE, { timeZone: 'UTC', month: 'short', year: 'numeric' });
const compact = new Intl.NumberFormat(LOCALE, { maximumFractionDigits: 1 });

/** A round number of steps that reach over the highest value. */
function axisOf(highest) {
  if (!highest) return { top: 1, steps: 1 };
  const rough = highest / 4;
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = [1, 2, 2.5, 5, 10].map((one) => one * power).find((one) => one >= rough);
  const steps = Math.ceil(highest / step - 1e-9);
  return { top: step * steps, steps };
}

/** What a period is called; `short` where the axis says that it is a week. */
function nameOf(day, by, short = false) {
  if (by === 'year') return day.slice(0, 4);
  if (by === 'month') return MONTH.format(new Date(`${day}T00:00Z`));
  return by === 'week' && !short ? tr('week of {day}', { day: dayWords(day) }) : dayWords(day);
}

/** Draw one figure of rows; periods without tracks have no bar. */
export function drawBars(box, rows, { first, last, by, measure }) {
  const [, , unit, worth] = FIGURES[measure];
  const found = new Map(rows.map((row) => [row.first_day, row]));
  const periods = periodsOf(first, last, by);
  const values = periods.map((day) => (found.get(day)?.[measure] ?? 0) / worth);
  const { top, steps } = axisOf(Math.max(...values, 0));
  const ticks = Array.from({ length: steps + 1 }, (_, k) => (top / steps) * (steps - k));
  const numbered = box.clientWidth / periods.length >= NUMBER_PX;
  const bars = periods.map((day, k) => {
    const words = `${nameOf(day, by)}: ${found.has(day) ? shown(measure, found.get(day)[measure]) : tr('nothing')}`;
    return el('div', { class: 'col', role: 'listitem', title: words, 'aria-label': words, data: { day, value: found.get(day)?.[measure] ?? 0 } },
      numbered && values[k] > 0 && el('b', {}, compact.format(values[k] >= 100 ? Math.round(values[k]) : values[k])),
      el('span', { style: { height: `${((values[k] / top) * 100).toFixed(3)}%` } }));
  });
  const every = Math.ceil((periods.length * LABEL_PX) / box.clientWidth);
  const labels = periods.map((day, k) => (k % every ? null : el('span', { style: { left: `${((k + 0.5) / periods.length) * 100}%` } }, nameOf(day, by, true))));
  fill(box, el('div', { class: 'chart' },
    el('div', { class: 'axis', 'aria-hidden': 'true' }, ticks.map((tick, k) => el('span', {}, `${compact.format(tick)}${k ? '' : ` ${unit}`}`))),
    el('div', { class: 'plot', role: 'list', 'aria-label': tr('{figure} by {period}', { figure: FIGURES[measure][0], period: PERIODS[by] }), style: { '--steps': String(steps) } }, bars),
    el('div', { class: 'under', 'aria-hidden': 'true' }, labels)));
}
