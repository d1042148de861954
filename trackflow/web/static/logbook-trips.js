// Trips of the logbook: those that need a purpose, and the book of a month.

import { send } from './api.js';
import { el, empty } from './dom.js';
import { counted, distance, duration } from './format.js';
import { categorySelect, said, textInput } from './outcome.js';

const timeOf = (text) => text?.slice(11, 16) ?? '';
const dayOf = (text) => new Intl.DateTimeFormat('en-GB', { timeZone: 'UTC', weekday: 'short', day: 'numeric', month: 'short' }).format(new Date(`${text}T00:00Z`));
const ends = (content) => `${content.start_place ?? 'unknown place'} to ${content.end_place ?? 'unknown place'}`;

/** What is left until an entry closes. */
function closing(entry) {
  const seconds = (new Date(entry.closes_at) - Date.now()) / 1000;
  return seconds > 0 ? `closes in ${duration(seconds)}` : 'closes today';
}

/** The trips that need a purpose, each with its inputs. `saved` is called with the element of a changed one. */
export function purposes(entries, { mayChange, saved, failed }) {
  if (!entries.length) return empty('Every open trip has a purpose', 'New trips show up here, and are closed some days after they end.');
  return el('div', {}, entries.map((entry) => {
    const { content } = entry;
    const category = categorySelect(content.category, `category-${entry.entry_id}`);
    const purpose = textInput('purpose', content.purpose, `purpose-${entry.entry_id}`);
    const partner = textInput('partner', content.partner, `partner-${entry.entry_id}`);
    const save = async (event) => {
      event.preventDefault();
      try {
        const wanted = { category: said(category), purpose: said(purpose), partner: said(partner) };
        for (const track of content.track_ids) await send('POST', '/api/v1/categories/decisions', { track_id: track, ...wanted });
        await saved(trip);
      } catch (error) {
        failed(error);
      }
    };
    const trip = el('article', { class: 'trip', 'data-entry': entry.entry_id },
      el('div', {},
        el('p', { class: 'strong' }, `${dayOf(content.local_day)}, ${timeOf(content.start_time)} – ${timeOf(content.end_time)}`),
        el('p', {}, `${distance(content.distance_m)}, ${ends(content)}`),
        el('p', { class: 'dim' }, `${content.plate ?? entry.vehicle_id}, ${closing(entry)}`)),
      mayChange && el('form', { on: { submit: save } }, category, purpose, partner, el('button', { type: 'submit', class: 'primary', 'data-key': `save-${entry.entry_id}` }, 'Save')));
    return trip;
  }));
}

/** The book of a vehicle's month. */
export function book(entries, check) {
  if (!entries.length) return empty('No trips in this month', 'Say which device is in a vehicle: “trackflow vehicles device VEHICLE DEVICE”.');
  const sums = new Map();
  for (const entry of entries.filter((one) => !one.now.gone)) {
    const name = entry.now.category ?? 'no category';
    const sum = sums.get(name) ?? { metres: 0, trips: 0 };
    sums.set(name, { metres: sum.metres + (entry.now.distance_m ?? 0), trips: sum.trips + 1 });
  }
  return el('div', {},
    el('div', { class: 'sums' }, [...sums].map(([name, sum]) => el('span', {}, el('strong', {}, name), ` ${distance(sum.metres)}, ${counted(sum.trips, 'trip')}`))),
    el('div', { class: 'table-box' }, el('table', {},
      el('thead', {}, el('tr', {}, ['Day', 'From – to', 'Way', 'Purpose', 'Category'].map((name) => el('th', {}, name)), ['km', 'Odometer'].map((name) => el('th', { class: 'number' }, name)), el('th', {}, 'State'))),
      el('tbody', {}, entries.map(row)))),
    check && el('p', { class: check.is_intact ? 'dim' : 'bad' },
      check.is_intact ? `The book is intact: ${counted(check.links, 'closed link')}, ${counted(check.open_entries, 'open entry', 'open entries')}. ` : `The book is not intact: ${check.faults.map((fault) => `link ${fault.chain_no}: ${fault.problem}`).concat(check.problems).join('; ')}. `,
      check.waiting_days > 0 && `${counted(check.waiting_days, 'day')} of its devices not in it yet. `,
      check.last_hash && el('span', { class: 'hash' }, check.last_hash)));
}

function row(entry) {
  const content = entry.now;
  const odometer = content.odometer_end_m === null || content.odometer_end_m === undefined ? '–' : (content.odometer_end_m / 1000).toFixed(1);
  return el('tr', {},
    el('td', {}, dayOf(content.local_day)),
    el('td', {}, content.start_time ? `${timeOf(content.start_time)} – ${timeOf(content.end_time)}` : '–'),
    el('td', {}, content.start_time ? ends(content) : 'private'),
    el('td', {}, [content.purpose, content.partner].filter(Boolean).join(', ') || '–'),
    el('td', {}, content.category ?? '–'),
    el('td', { class: 'number' }, (content.distance_m / 1000).toFixed(1)),
    el('td', { class: 'number' }, odometer),
    el('td', {}, content.gone ? 'gone' : entry.status, entry.amendments.length > 0 && el('span', { class: 'amended', title: entry.amendments.map((one) => `${one.reason} (${one.amended_by})`).join('\n') }, ` ${counted(entry.amendments.length, 'amendment')}`)));
}

/** Links to the month's files. */
export function files(vehicle, month) {
  const address = (name) => `/api/v1/mileage-report?${new URLSearchParams({ vehicle, month, format: name })}`;
  const names = [['pdf', 'PDF'], ['xlsx', 'Excel'], ['csv', 'CSV'], ['amendments', 'Amendments'], ['md', 'Markdown']];
  return el('div', { class: 'files' }, names.map(([name, words]) => el('a', { class: 'link', href: address(name), download: '' }, words)));
}
