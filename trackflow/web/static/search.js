// One field to find devices, places, tracks, streets, towns and days; the key "/" leads to it.

import { get, withQuery } from './api.js';
import { placeKindName } from './codes.js';
import { announce, byId, el, fill } from './dom.js';
import { dayWords, longDate, span } from './format.js';
import { named } from './looks.js';
import { currentView } from './map.js';
import { wordsOf } from './problems.js';
import { state } from './state.js';
import { plural, tr } from './words.js';

const WAIT_MS = 180;
const SLOW_MS = 500; // a first search reads the names of streets
const GROUPS = [
  ['devices', tr('Devices')],
  ['places', tr('Places')],
  ['tracks', tr('Tracks')],
  ['days', tr('Dates')],
  ['streets', tr('Streets')],
  ['towns', tr('Towns')],
  ['positions', tr('Positions')],
];

const KINDS = {
  water: tr('water'), park: tr('park'), station: tr('station'), ferry: tr('ferry'), city: tr('city'), town: tr('town'), village: tr('village'),
  hamlet: tr('hamlet'), suburb: tr('suburb'), quarter: tr('quarter'), neighbourhood: tr('neighbourhood'), island: tr('island'),
};

/** What tells a find from others: a kind, a town, the device that a place belongs to. */
function aboutWords(group, about) {
  const [, kind, device] = /^(\w+)(?: of (.+))?$/.exec(group === 'places' ? about : '') ?? [];
  if (kind) return device ? tr('{kind} of {device}', { kind: placeKindName(kind), device }) : placeKindName(kind);
  return about.split(', ').map((part) => KINDS[part] ?? part).join(', ');
}

let actions = null;
let asking = null; // the AbortController of what is being asked
let timer = null;
let drawnFor = null; // the text whose finds are in the list
let goes = false; // Enter came before the finds: the first one is gone to when they are there

const field = () => byId('search');
const list = () => byId('search-results');

/**
 * Wire the field. Actions: device(id), place(found), track(found), days(first, last), spot(found),
 * through() for tracks through this view.
 */
export function installSearch(given) {
  actions = given;
  const input = field();
  input.addEventListener('input', () => {
    goes = false;
    clearTimeout(timer);
    timer = setTimeout(search, WAIT_MS);
  });
  input.addEventListener('focus', () => {
    if (list().hidden) search();
  });
  input.addEventListener('keydown', keys);
  list().addEventListener('keydown', keys);
  byId('search-box').addEventListener('focusout', (event) => {
    if (!byId('search-box').contains(event.relatedTarget)) show(false);
  });
  addEventListener('keydown', (event) => {
    const busy = event.target.closest?.('input, select, textarea, dialog');
    if (event.key !== '/' || busy || event.ctrlKey || event.metaKey || event.altKey) return;
    event.preventDefault();
    input.focus();
    input.select();
  });
}

function keys(event) {
  if (event.key === 'Escape') {
    event.stopPropagation();
    show(false);
    field().blur();
    return;
  }
  const options = [...list().querySelectorAll('button')];
  const at = options.indexOf(document.activeElement);
  if (event.key === 'Enter' && at < 0) {
    event.preventDefault();
    goes = true;
    if (drawnFor === field().value.trim() && !list().hidden) goToFirst();
    else search();
  }
  const to = { ArrowDown: at + 1, ArrowUp: at - 1 }[event.key];
  if (to === undefined) return;
  event.preventDefault();
  if (to < 0) field().focus();
  else options[Math.min(to, options.length - 1)]?.focus();
}

/** Go to the first find, after Enter; what to do on the map is only done if it is chosen. */
function goToFirst() {
  goes = false;
  list().querySelector('[data-finds] button')?.click();
}

function show(open) {
  list().hidden = !open;
  field().setAttribute('aria-expanded', String(open));
  if (open) return;
  clearTimeout(timer);
  asking?.abort();
  asking = null;
  drawnFor = null;
  goes = false;
}

async function search() {
  const text = field().value.trim();
  clearTimeout(timer);
  asking?.abort();
  const mine = (asking = new AbortController());
  if (!text) return draw({}, text);
  const view = currentView() ?? state.view;
  const near = view && `${view.lon.toFixed(3)},${view.lat.toFixed(3)}`;
  const looking = setTimeout(() => mine === asking && fill(list(), el('p', { class: 'hint' }, tr('Looking…'))), SLOW_MS);
  try {
    const { data } = await get(withQuery('/api/v1/find', { q: text, near }), { signal: mine.signal });
    if (mine === asking) draw(data, text);
  } catch (error) {
    if (error.name === 'AbortError' || mine !== asking) return;
    drawnFor = null;
    fill(list(), el('p', { class: 'hint bad', role: 'alert' }, wordsOf(error)));
    show(true);
  } finally {
    clearTimeout(looking);
  }
}

function draw(found, text) {
  const groups = GROUPS.filter(([group]) => found[group]?.length).map(([group, title]) =>
    el('div', { role: 'group', 'aria-label': title, data: { finds: group } }, el('p', { class: 'find-head' }, title), found[group].map((one) => row(group, one))));
  const none = text && !groups.length && el('p', { class: 'hint' }, tr('Nothing has such a name.'));
  fill(list(), groups, none, el('div', { role: 'group', 'aria-label': tr('On the map') },
    choice(tr('Tracks through this view'), tr('when anything was here'), () => actions.through()),
    choice(tr('Draw a box'), tr('tracks through it, or points to hide'), () => actions.box())));
  drawnFor = text;
  show(true);
  if (text) announce(groups.length ? plural('{n} found', '{n} found', list().querySelectorAll('[data-finds] button').length) : tr('Nothing found'));
  if (goes) goToFirst();
}

function row(group, one) {
  if (group === 'devices') return choice(named(one.id), one.about, () => actions.device(one.id));
  if (group === 'tracks') return choice(one.name, [named(one.about), ', ', longDate(one.start_time), ', ', span(one.start_time, one.end_time)], () => actions.track(one));
  if (group === 'days') {
    const { first_day: first, last_day: last } = one;
    return choice(first === last ? dayWords(first) : `${dayWords(first)} – ${dayWords(last)}`, '', () => actions.days(first, last));
  }
  return choice(one.name, aboutWords(group, one.about), () => actions.spot(one));
}

function choice(name, about, then) {
  return el('button', { type: 'button', class: 'found', on: { click: () => { show(false); document.activeElement.blur(); then(); } } },
    el('span', { class: 'name' }, name), about && el('span', { class: 'sub' }, about));
}
