// "When was I here?": tracks through a box or near a place, with the times at which they were there.

import { get, withQuery } from './api.js';
import { ofDevice } from './colours.js';
import { announce, byId, el, fill } from './dom.js';
import { fromTo } from './ends.js';
import { distance, longDate, sameDay, span } from './format.js';
import { named } from './looks.js';
import { currentView, popup } from './map.js';
import { showArea } from './overlay.js';
import { wordsOf } from './problems.js';
import { change, state } from './state.js';
import { isolated, plural, tr } from './words.js';
import { dayOf } from './zones.js';

const PAGE = 30;
const FINGER_PX = 12;
const LEAST_M = 25;
const EARTH_M = 40075017;

let found = [];
let next = null;
let asking = null;

/** The place around a position, as far as a finger is wide at this zoom. */
export function around({ lng, lat }) {
  const metres = (EARTH_M * Math.cos((lat * Math.PI) / 180)) / (512 * 2 ** (currentView()?.zoom ?? 14));
  return { near: `${lng.toFixed(5)},${lat.toFixed(5)}`, radius: Math.max(LEAST_M, Math.round(FINGER_PX * metres)) };
}

/** The box of a view, as the address says it. */
export const boxOf = (bounds) => ({ box: bounds.map((edge) => edge.toFixed(5)).join(',') });

const query = (here) => (here.box ? { bbox: here.box } : { near: here.near, radius_m: here.radius });

/** Load and show what the address asks for; close if it asks for nothing. */
export async function refreshHere() {
  const panel = byId('here');
  asking?.abort();
  showArea(state.here);
  if (!state.here) {
    if (panel.contains(document.activeElement)) document.querySelector('.maplibregl-canvas')?.focus();
    panel.hidden = true;
    found = [];
    return;
  }
  panel.hidden = false;
  found = [];
  fill(panel, head(), el('p', { class: 'hint' }, tr('Looking…')));
  if (document.activeElement === document.body) panel.focus({ preventScroll: true }); // what was clicked is gone
  await more(null);
}

async function more(cursor) {
  const mine = (asking = new AbortController());
  try {
    const { data } = await get(withQuery('/api/v1/tracks/through', { ...query(state.here), device: state.devices, limit: PAGE, cursor }), { signal: mine.signal });
    found = [...found, ...data.tracks];
    next = data.next;
    drawHere();
    if (!cursor) announce(plural('{n} track here', '{n} tracks here', found.length));
  } catch (error) {
    if (error.name === 'AbortError') return;
    fill(byId('here'), head(), el('p', { class: 'hint bad', role: 'alert' }, wordsOf(error)));
  }
}

function head() {
  return el('header', { class: 'details-head' },
    el('h2', {}, state.here.box ? tr('Tracks through this box') : tr('When was I here? ({distance})', { distance: distance(state.here.radius) })),
    el('button', { type: 'button', class: 'icon close', 'aria-label': tr('Close'), title: tr('Close'), 'data-key': 'here-close', on: { click: () => change({ here: null }) } }, '×'));
}

/** Draw the list again, such as after a change of zone. */
export function drawHere() {
  if (!state.here) return;
  fill(byId('here'), head(),
    found.length ? el('ul', { class: 'list', 'aria-label': tr('Tracks that were here') }, found.flatMap((track, k) => [k === 0 || !sameDay(track.first_there, found[k - 1].first_there) ? el('li', { class: 'day-head' }, longDate(track.first_there)) : null, row(track)])) : el('p', { class: 'hint' }, next ? tr('Not among the newest tracks.') : tr('No track was here.')),
    next && el('button', { type: 'button', class: 'more', 'data-key': 'here-more', on: { click: () => more(next) } }, tr('Look further back')));
}

function row(track) {
  const words = fromTo(track);
  return el('li', { class: 'row' },
    el('button', { type: 'button', class: 'track', 'data-key': `here-${track.track_id}`, 'aria-current': track.track_id === state.track, on: { click: () => open(track) } },
      el('span', { class: 'swatch line', style: { '--colour': ofDevice(track.device_id) } }),
      el('span', { class: 'grow' },
        el('span', { class: 'name' }, span(track.first_there, track.last_there)),
        el('span', { class: 'sub' }, track.name ? isolated(track.name) : named(track.device_id), words && `, ${words}`)),
      el('span', { class: 'side' }, el('span', { class: 'sub' }, track.passes > 1 ? plural('{n} time', '{n} times', track.passes) : ''))));
}

/** Show the day of a track, with the track chosen. */
function open(track) {
  change({ range: { kind: 'day', day: dayOf(track.first_there) }, track: track.track_id });
}

/** What a right click or a long press offers. */
export function offerHere(lngLat, mayChange, hide) {
  const place = `${lngLat.lat.toFixed(5)}, ${lngLat.lng.toFixed(5)}`;
  const box = popup([lngLat.lng, lngLat.lat], el('div', { class: 'popup' },
    el('button', { type: 'button', class: 'link', 'data-key': 'when-here', on: { click: () => { box.remove(); change({ here: around(lngLat) }); } } }, tr('When was I here?')),
    el('button', { type: 'button', class: 'link', on: { click: () => { box.remove(); hide(); } } }, mayChange ? tr('Draw a box: find or hide…') : tr('Draw a box…')),
    el('p', { class: 'dim' }, place)));
}
