// Times that are often asked for, and days of the calendar as text (YYYY-MM-DD).

import { tr } from './words.js';


const DAY_MS = 86400000;

export const asDay = (date) => date.toISOString().slice(0, 10);
const utc = (year, month, day) => asDay(new Date(Date.UTC(year, month, day)));

export const PRESETS = [
  ['month', tr('This month')],
  ['last-month', tr('Last month')],
  ['year-back', tr('12 months')],
  ['year', tr('This year')],
  ['last-year', tr('Last year')],
  ['all', tr('All')],
];

/** First and last day of a preset, seen from `today`; null for all time. */
export function presetDays(name, today) {
  const [year, month] = today.split('-').map(Number);
  switch (name) {
    case 'month': return [utc(year, month - 1, 1), utc(year, month, 0)];
    case 'last-month': return [utc(year, month - 2, 1), utc(year, month - 1, 0)];
    case 'year-back': return [utc(year, month - 12, 1), utc(year, month, 0)];
    case 'year': return [utc(year, 0, 1), utc(year, 12, 0)];
    case 'last-year': return [utc(year - 1, 0, 1), utc(year - 1, 12, 0)];
    default: return null;
  }
}

export const daysIn = (first, last) => Math.round((Date.parse(last) - Date.parse(first)) / DAY_MS) + 1;

/** Periods that make at most some dozens of bars. */
export function fittingPeriod(first, last) {
  const days = daysIn(first, last);
  if (days <= 62) return 'day';
  if (days <= 190) return 'week';
  return days <= 366 * 5 ? 'month' : 'year';
}
