// Days, weeks, months and years of the calendar, by their first day as text (YYYY-MM-DD).

const DAY_MS = 86400000;

/** The first and the last day that the API takes. */
export const FIRST_DAY = '1900-01-02';
export const LAST_DAY = '2199-12-30';

/** Whether a text is a day of the calendar that there may be tracks of. */
export function isDay(text) {
  if (!/^\d{4}-\d{2}-\d{2}$/.test(text ?? '') || text < FIRST_DAY || text > LAST_DAY) return false;
  const time = Date.parse(text);
  return !Number.isNaN(time) && new Date(time).toISOString().slice(0, 10) === text; // there is no 31 February
}

const pad = (n) => String(n).padStart(2, '0');

/** The day so many days later, or earlier. */
export const shiftDay = (day, by) => new Date(Date.parse(`${day}T12:00:00Z`) + by * DAY_MS).toISOString().slice(0, 10);

/** The first day of the day, week (from Monday), month or year that has a day. */
export function beginOf(day, unit) {
  if (unit === 'week') return shiftDay(day, -((new Date(`${day}T12:00:00Z`).getUTCDay() + 6) % 7));
  return { day, month: `${day.slice(0, 7)}-01`, year: `${day.slice(0, 4)}-01-01` }[unit];
}

/** The first day of the period so many periods later, or earlier. */
export function shiftPeriod(begin, by, unit) {
  if (unit === 'day' || unit === 'week') return shiftDay(begin, by * (unit === 'week' ? 7 : 1));
  const months = Number(begin.slice(0, 4)) * 12 + Number(begin.slice(5, 7)) - 1 + by * (unit === 'year' ? 12 : 1);
  return `${Math.floor(months / 12)}-${pad((months % 12) + 1)}-01`;
}

/** The first days of all periods that touch a time, in order: those without tracks as well. */
export function periodsOf(first, last, unit) {
  const found = [];
  for (let begin = beginOf(first, unit); begin <= last; begin = shiftPeriod(begin, 1, unit)) found.push(begin);
  return found;
}
