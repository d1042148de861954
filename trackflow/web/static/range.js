// The time range: a day with its neighbours, the last hours or days, or from–to.

import { byId, el, fill, onDate, setDate } from './dom.js';
import { longDate } from './format.js';
import { shiftDay } from './periods.js';
import { change, state } from './state.js';
import { plural, tr } from './words.js';
import { dayOf, midnight } from './zones.js';

const DAY_MS = 86400000;
const PRESETS = [
  ['day', tr('Day')],
  [24, tr('24 h'), tr('The last 24 hours')],
  [168, tr('7 d'), tr('The last 7 days')],
  [720, tr('30 d'), tr('The last 30 days')],
  ['span', tr('From–to')],
];

const daysBetween = (from, to) => Math.round((Date.parse(to) - Date.parse(from)) / DAY_MS);

/** The range as moments: { from, to }; `to` is null where it is open. Stable within a minute. */
export function moments(range = state.range) {
  if (range.kind === 'last') return { from: new Date(Math.floor(Date.now() / 60000) * 60000 - range.hours * 3600000), to: null };
  const [first, last] = range.kind === 'day' ? [range.day, range.day] : [range.from, range.to];
  return { from: midnight(first), to: midnight(shiftDay(last, 1)) };
}

/** First and last day that the range touches. */
export function daysOfRange(range = state.range) {
  if (range.kind === 'day') return [range.day, range.day];
  if (range.kind === 'span') return [range.from, range.to];
  return [dayOf(Date.now() - range.hours * 3600000), dayOf(Date.now())];
}

/** How long the range is, in days. */
export const lengthDays = (range = state.range) =>
  range.kind === 'last' ? range.hours / 24 : daysBetween(...daysOfRange(range)) + 1;

/** The range next to this one. */
export function neighbour(range, direction) {
  if (range.kind === 'day') return { kind: 'day', day: shiftDay(range.day, direction) };
  const [from, to] = daysOfRange(range);
  const length = range.kind === 'last' ? Math.round(range.hours / 24) : daysBetween(from, to) + 1;
  if (range.kind === 'last' && direction < 0) {
    const end = shiftDay(to, -1);
    return length === 1 ? { kind: 'day', day: end } : { kind: 'span', from: shiftDay(end, 1 - length), to: end };
  }
  if (range.kind === 'last') return range;
  return { kind: 'span', from: shiftDay(from, direction * length), to: shiftDay(to, direction * length) };
}

export function rangeInWords(range = state.range) {
  if (range.kind === 'last' && (range.hours === 24 || range.hours % 24)) return plural('the last hour', 'the last {n} hours', range.hours);
  if (range.kind === 'last') return plural('the last day', 'the last {n} days', range.hours / 24);
  const { from, to } = moments(range);
  const last = new Date(to - 1000);
  return range.kind === 'day' || range.from === range.to ? longDate(from) : `${longDate(from)} – ${longDate(last)}`;
}

const choose = (range) => change({ range, track: null });

function preset(kind) {
  const [from, to] = daysOfRange();
  if (kind === 'day') return { kind: 'day', day: to };
  if (kind === 'span') return { kind: 'span', from, to };
  return { kind: 'last', hours: kind };
}

const isChosen = (kind, range) => (typeof kind === 'number' ? range.kind === 'last' && range.hours === kind : range.kind === kind);

function dateInput(name, label, then) {
  const input = el('input', { type: 'date', 'aria-label': label, 'data-key': `date-${name}`, 'data-date': name, required: true });
  onDate(input, then);
  return input;
}

/** Put the days of the range into their fields, but not into the one in which somebody is typing. */
function showDates(range) {
  for (const input of byId('range').querySelectorAll('[data-date]')) {
    const value = range[input.dataset.date];
    if (input === document.activeElement && input.defaultValue === value) continue;
    setDate(input, value);
  }
}

let drawn = '';

/** Draw the control; while it stays the same kind, its fields stay too, as somebody may be typing. */
export function drawRange() {
  const range = state.range;
  if (!range) return;
  const isNewest = range.kind === 'last' || daysOfRange(range)[1] >= dayOf(Date.now());
  const says = JSON.stringify([range.kind, range.hours, isNewest]);
  if (says !== drawn) drawAll(range, isNewest);
  drawn = says;
  showDates(range);
}

function drawAll(range, isNewest) {
  const arrow = (direction, label, sign) =>
    el('button', {
      type: 'button', class: 'icon', 'aria-label': label, title: label, 'data-key': label,
      disabled: direction > 0 && isNewest,
      on: { click: () => choose(neighbour(state.range, direction)) },
    }, sign);
  const [earlier, later] = range.kind === 'day' ? [tr('Previous day'), tr('Next day')] : [tr('Previous range'), tr('Next range')];
  const middle =
    range.kind === 'day'
      ? [dateInput('day', tr('Day'), (day) => choose({ kind: 'day', day }))]
      : range.kind === 'span'
        ? [
            dateInput('from', tr('From'), (day) => choose({ kind: 'span', from: day, to: day > state.range.to ? day : state.range.to })),
            el('span', { class: 'dim' }, '–'),
            dateInput('to', tr('To'), (day) => choose({ kind: 'span', from: day < state.range.from ? day : state.range.from, to: day })),
          ]
        : [el('span', { class: 'range-words' }, rangeInWords())];
  fill(
    byId('range'),
    el('div', { class: 'segments', role: 'group', 'aria-label': tr('Kind of range') },
      PRESETS.map(([kind, words, title]) =>
        el('button', {
          type: 'button', 'aria-pressed': isChosen(kind, range), title, 'data-key': `range-${kind}`,
          on: { click: () => choose(preset(kind)) },
        }, words))),
    el('div', { class: 'range-row' },
      arrow(-1, earlier, '‹'),
      el('div', { class: 'range-middle' }, middle),
      arrow(1, later, '›')),
    byId('days') ?? el('div', { id: 'days', class: 'days' }),
  );
}
