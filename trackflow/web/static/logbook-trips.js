// Trips of the logbook: those that need a purpose, and the book of a month.

import { ApiError, send } from './api.js';
import { categoryName, modeName, partName } from './codes.js';
import { el, empty, english, stacks } from './dom.js';
import { decimal, distance, duration, moment } from './format.js';
import { joinButtons } from './logbook-joins.js';
import { draftRule } from './logbook-rules.js';
import { categorySelect, said, textInput } from './outcome.js';
import { UNITS } from './units.js';
import { LOCALE, plural, tr } from './words.js';

const STATES = { open: tr('open'), closed: tr('closed'), added: tr('book|added') };
export const timeOf = (text) => text?.slice(11, 16) ?? '';
/** A day; with its year if that is not this one. */
export const dayOf = (text) => new Intl.DateTimeFormat(LOCALE, { timeZone: 'UTC', weekday: 'short', day: 'numeric', month: 'short', year: text.startsWith(`${new Date().getFullYear()}-`) ? undefined : 'numeric' }).format(new Date(`${text}T00:00Z`));
/** From where to where, and over which stops; null where neither is known: a store without places would say so in each row. */
function ends({ start_place: start, end_place: end, stops }) {
  if (!(start ?? end)) return null;
  const named = (place) => place ?? tr('unknown place');
  const way = tr('{start} to {end}', { start: named(start), end: named(end) });
  return stops?.length ? tr('{way} over {stops}', { way, stops: stops.map(named).join(', ') }) : way;
}

/** A button that makes a rule of a trip, for those that are like it. */
const ruleButton = ({ entry_id: id, now }, failed) => now.track_ids?.length > 0 && el('button', { type: 'button', class: 'link', 'data-key': `rule-${id}`, on: { click: () => draftRule(now.track_ids[0]).catch(failed) } }, tr('Make a rule of it'));

/** What is left until an entry closes. */
function closing(entry) {
  const seconds = (new Date(entry.closes_at) - Date.now()) / 1000;
  return seconds > 0 ? tr('closes in {time}', { time: duration(seconds) }) : tr('closes today');
}

/** A link to the track of a trip on the map; where the book does not tell it, to its day. */
const mapLink = ({ track_ids: tracks, local_day: day }, of, words = of.day) => el('a', {
  class: 'link', href: `/#${new URLSearchParams({ day, tab: 'tracks', ...(tracks?.length > 0 && { track: tracks[0] }) })}`, 'aria-label': of.time ? tr('The track of {day}, {time} on the map', of) : tr('The tracks of {day} on the map', of),
}, words);

/** The inputs for what a trip was for; `wanted()` is what they say. */
function outcomeInputs(content, id) {
  const category = categorySelect(content.category, `category-${id}`);
  const purpose = textInput('purpose', content.purpose, `purpose-${id}`);
  const partner = textInput('partner', content.partner, `partner-${id}`);
  return { inputs: [category, purpose, partner], wanted: () => ({ category: said(category), purpose: said(purpose), partner: said(partner) }) };
}

/** Do a change; where others have changed the same meanwhile, that is said in the page's words. */
async function changing(work) {
  try {
    await work();
  } catch (error) {
    throw error.status === 409 ? new ApiError(409, tr('Others have changed this trip meanwhile. It is shown as it is now: change it again.')) : error;
  }
}

/** What a person has seen of what is changed: the second of two is told about the first. */
const seen = ({ now }, names) => Object.fromEntries(names.map((name) => [name, now[name] ?? null]));

/** Say what an open trip was for: of each of its tracks. */
const decide = (entry, wanted) => changing(async () => {
  const tracks = entry.now.track_ids;
  // what joined tracks were for stands in one text
  const made = tracks.length === 1 ? { made_from: seen(entry, Object.keys(wanted)) } : {};
  for (const track of tracks) await send('POST', '/api/v1/categories/decisions', { track_id: track, ...wanted, ...made });
});

/** Amend a closed trip, or one that a closed book lacked: what is different from `now`. */
const amend = (entry, wanted, reason) => changing(async () => {
  const changes = Object.fromEntries(Object.entries(wanted).filter(([name, value]) => value !== (entry.now[name] ?? null)));
  await send('POST', `/api/v1/logbook/${entry.entry_id}/amend`, { ...changes, reason, made_from: seen(entry, Object.keys(changes)) });
});

/** The trips that need a purpose, each with its inputs. `saved` is called with the element of a changed one. */
export function purposes(entries, { mayChange, isEmpty, saved, changed, failed }) {
  if (isEmpty) return empty(tr('No trips yet'), tr('The trips of vehicles show up here.'));
  if (!entries.length) return empty(tr('Every open trip has a purpose'), tr('New trips show up here, and are closed some days after they end, or after their import.'));
  return el('div', {}, entries.map((entry) => {
    const isAdded = entry.status === 'added';
    const content = entry.now;
    const of = { day: dayOf(content.local_day), time: timeOf(content.start_time) };
    const { inputs, wanted } = outcomeInputs(content, entry.entry_id);
    const save = async (event) => {
      event.preventDefault();
      try {
        if (isAdded) await amend(entry, wanted(), 'said what the late trip was for');
        else await decide(entry, wanted());
        await saved(trip);
      } catch (error) {
        if (error.status === 409) await changed();
        failed(error);
      }
    };
    const trip = el('article', { class: 'trip', 'data-entry': entry.entry_id },
      el('div', {},
        el('p', { class: 'strong' }, `${of.day}, ${of.time} – ${timeOf(content.end_time)}`),
        el('p', {}, [distance(content.distance_m), ends(content)].filter(Boolean).join(', ')),
        el('p', { class: 'dim' }, `${content.plate ?? entry.vehicle_id}, ${isAdded ? tr('came after closing') : closing(entry)} · `, mapLink(content, of, tr('On the map')))),
      mayChange && el('form', { on: { submit: save } }, inputs, el('button', { type: 'submit', class: 'primary', 'data-key': `save-${entry.entry_id}` }, tr('Save')), ruleButton(entry, failed)));
    return trip;
  }));
}

const LACKS = { rate: tr('the table has no such rate'), category: tr('its rate is for another category'), vehicle: tr('no rate is for its kind of vehicle'), day: tr('no rate is for its day') };

/** What the table of rates lacks for a trip, in words; undefined for a trip that it pays. */
const unpaid = ({ unpaid: lacks }) => LACKS[lacks];

/** Amounts by currency, in words, and how many trips are not paid; amounts are text, summed in hundredths. */
function amountWords(contents) {
  const cents = new Map();
  for (const { amount, currency } of contents) {
    if (amount) cents.set(currency, (cents.get(currency) ?? 0) + Math.round(Number(amount) * 100));
  }
  const missing = contents.filter(unpaid).length;
  return [...[...cents].map(([currency, sum]) => `${decimal(sum / 100, 2)} ${currency}`), missing && plural('{n} trip not paid', '{n} trips not paid', missing)].filter(Boolean).join(', ');
}

/** The book of a vehicle's month. `saved` is called with the form of an amended trip. */
export function book(entries, check, actions) {
  if (!entries.length) return empty(tr('No trips in this month'), tr('Choose another month. Which device is in the vehicle is said below, under Vehicles.'));
  const byCategory = Map.groupBy(entries.filter((one) => !one.now.gone).map((one) => one.now), (content) => categoryName(content.category) ?? tr('no category'));
  const sums = [...byCategory].map(([name, contents]) => {
    const metres = contents.reduce((sum, content) => sum + (content.distance_m ?? 0), 0);
    return el('span', {}, el('strong', {}, name), ` ${[distance(metres), plural('{n} trip', '{n} trips', contents.length), amountWords(contents)].filter(Boolean).join(', ')}`);
  });
  const zones = [...new Set(entries.map((one) => one.now.zone).filter(Boolean))].sort();
  const isPaid = entries.some((one) => one.now.amount || unpaid(one.now));
  const numbers = [UNITS.far[0], tr('Odometer'), isPaid && tr('Paid')].filter(Boolean);
  return el('div', {},
    el('div', { class: 'sums' }, sums),
    zones.length > 0 && el('p', { class: 'dim' }, tr('Times of {zone}', { zone: zones.join(', ') })),
    el('div', { class: 'table-box' }, stacks(el('table', {},
      el('thead', {}, el('tr', {}, [tr('Day'), tr('From – to'), tr('Way'), tr('Purpose'), tr('Category')].map((name) => el('th', { scope: 'col' }, name)), numbers.map((name) => el('th', { scope: 'col', class: 'number' }, name)), el('th', { scope: 'col' }, tr('State')))),
      el('tbody', {}, entries.map((entry, k) => row(entry, entries[k + 1], isPaid, actions)))))),
    check && el('p', { class: check.is_intact ? 'dim' : 'bad' },
      check.is_intact
        ? tr('The book is intact: {links}, {entries}.', { links: plural('{n} closed link', '{n} closed links', check.links), entries: plural('{n} open entry', '{n} open entries', check.open_entries) })
        : tr('The book is not intact: {problems}.', { problems: english(check.faults.map((fault) => `link ${fault.chain_no}: ${fault.problem}`).concat(check.problems).join('; ')) }), ' ',
      check.waiting_days > 0 && `${plural('{n} day of its devices is not in it yet.', '{n} days of its devices are not in it yet.', check.waiting_days)} `,
      check.last_hash && el('span', { class: 'hash' }, check.last_hash)));
}

function row(entry, next, isPaid, actions) {
  const content = entry.now;
  const odometer = content.odometer_end_m === null || content.odometer_end_m === undefined ? '–' : decimal(content.odometer_end_m / UNITS.far[1], 1);
  const mayWrite = actions.mayChange && !content.gone && (content.start_time || entry.status !== 'open');
  const of = { day: dayOf(content.local_day), time: timeOf(content.start_time) };
  const [words, label] = entry.status === 'open' ? [tr('Change…'), tr('Change the trip of {day}, {time}', of)] : [tr('Amend'), of.time ? tr('Amend the trip of {day}, {time}', of) : tr('Amend the trip of {day}', of)];
  const opener = (name, text, named, content) => el('button', { type: 'button', class: 'link', 'data-key': `${name}-${entry.entry_id}`, 'aria-label': named, 'aria-expanded': 'false', on: { click: (event) => toggle(made, event.currentTarget, content) } }, text);
  const made = el('tr', { 'data-row': entry.entry_id },
    el('td', {}, mapLink(content, of)),
    el('td', {}, content.start_time ? `${of.time} – ${timeOf(content.end_time)}` : '–'),
    el('td', {}, content.start_time ? ends(content) ?? '–' : categoryName('private')),
    el('td', {}, [content.purpose, content.partner].filter(Boolean).join(', ') || '–'),
    el('td', {}, categoryName(content.category) ?? '–'),
    el('td', { class: 'number' }, decimal(content.distance_m / UNITS.far[1], 1)),
    el('td', { class: 'number' }, odometer),
    isPaid && el('td', { class: 'number' }, unpaid(content) ?? (content.amount ? `${decimal(Number(content.amount), 2)} ${content.currency}` : '–')),
    el('td', { class: 'state-of' }, el('span', {}, content.gone ? tr('gone') : STATES[entry.status] ?? entry.status),
      entry.amendments.length > 0 && opener('amendments', plural('{n} amendment', '{n} amendments', entry.amendments.length), null, () => amendments(entry)),
      mayWrite && opener('amend', words, label, () => changeForm(entry, next, actions))));
  return made;
}

/** Open a row below a trip's, or close it; another one that is open there goes. */
function toggle(made, opener, content) {
  const open = made.nextElementSibling?.matches('.below') ? made.nextElementSibling : null;
  const isOpened = open?.dataset.of !== opener.dataset.key;
  open?.remove();
  for (const one of made.querySelectorAll('[aria-expanded]')) one.setAttribute('aria-expanded', String(isOpened && one === opener));
  if (!isOpened) return opener.focus();
  const close = (event) => event.key === 'Escape' && toggle(made, opener);
  const below = el('tr', { class: 'below', data: { of: opener.dataset.key }, on: { keydown: close } }, el('td', { colspan: made.children.length }, content()));
  made.after(below);
  return below.querySelector('select')?.focus();
}

/** Inputs for what a trip was for: an open one is changed, of a closed one the amendment says why. */
function changeForm(entry, next, { saved, changed, failed }) {
  const isOpen = entry.status === 'open';
  const { inputs, wanted } = outcomeInputs(entry.now, `amend-${entry.entry_id}`);
  const reason = textInput('reason', '', `reason-${entry.entry_id}`);
  reason.required = true;
  const save = async (event) => {
    event.preventDefault();
    const below = event.target.closest('tr');
    try {
      if (isOpen) await decide(entry, wanted());
      else await amend(entry, wanted(), reason.value.trim());
      await saved(below, isOpen ? tr('Saved') : tr('Amended'));
    } catch (error) {
      if (error.status === 409) await changed(below);
      failed(error);
    }
  };
  const joined = async (work) => {
    try {
      await work();
      await saved(form.closest('tr'), tr('Saved'));
    } catch (error) {
      failed(error);
    }
  };
  const form = el('form', { on: { submit: save } }, inputs, !isOpen && reason, el('button', { type: 'submit', class: 'primary' }, isOpen ? tr('Save') : tr('Amend')), ruleButton(entry, failed), joinButtons(entry, next, joined));
  return form;
}

const CHANGED = {
  category: [tr('Category'), categoryName], purpose: [partName('purpose'), String], partner: [partName('partner'), String], driver: [tr('Driver'), String],
  start_place: [tr('Start of the way'), String], end_place: [tr('End of the way'), String],
  start_time: [tr('From'), timeOf], end_time: [tr('To'), timeOf], mode: [tr('Mode'), modeName], distance_m: [tr('Distance'), distance], amount: [tr('Paid'), (amount) => decimal(Number(amount), 2)],
};

/** The amendments of an entry, the oldest first: when, by whom, why, and what was and is. */
function amendments(entry) {
  return el('ul', { 'aria-label': tr('Amendments') }, entry.amendments.map((one) => {
    const changes = Object.entries(CHANGED).filter(([name]) => one.changes[name]).map(([name, [words, shown]]) => {
      const [before, after] = one.changes[name].map((value) => (value === null ? '–' : shown(value)));
      return `${words}: ${before} → ${after}`;
    });
    return el('li', {}, el('span', { class: 'dim' }, `${moment(one.amended_at)}, ${one.amended_by}: `), one.reason, changes.length > 0 && el('p', {}, changes.join('; ')));
  }));
}

/** Links to the month's files. */
export function files(vehicle, month) {
  const address = (name) => `/api/v1/mileage-report?${new URLSearchParams({ vehicle, month, format: name, unit: UNITS.far[0] })}`;
  const names = [['pdf', 'PDF'], ['xlsx', 'Excel'], ['csv', 'CSV'], ['amendments', tr('Amendments')], ['left-out', tr('Left out')], ['md', 'Markdown']];
  return el('div', { class: 'files' }, names.map(([name, words]) => el('a', { class: 'link', href: address(name), download: '' }, words)));
}
