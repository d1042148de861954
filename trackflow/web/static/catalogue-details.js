// A race track with all that is known of it, and what the last syncs changed.

import { get, withQuery } from './api.js';
import { el } from './dom.js';
import { count, when } from './format.js';

const NAMES = {
  name: 'name', slug: 'slug', url: 'page at the source', series_code: 'series', activity: 'right now', event_name: 'event',
  has_video: 'video right now', is_featured: 'recommended', address: 'address', city: 'city', country: 'country',
  country_code: 'country code', phone: 'phone', email: 'e-mail', website: 'website', map_query: 'map query', logo_url: 'logo',
  longitude: 'longitude', latitude: 'latitude', laps: 'laps', practice_sessions: 'practice sessions', races: 'races',
  entries: 'entries', events: 'events', results_this_month: 'results this month', sessions_this_month: 'sessions this month',
  videos_this_month: 'videos this month',
};
const KINDS = {
  added: 'added', changed: 'changed', reactivated: 'listed again', deactivated: 'not listed any more',
  missed: 'missed by a list', found: 'in the list again',
};

export const isWeb = (text) => /^https?:\/\//.test(text ?? '');
export const webLink = (text) => (isWeb(text) ? el('a', { href: text, rel: 'noreferrer noopener', target: '_blank' }, text) : text ?? '');

function value(name, found) {
  if (found === null) return el('span', { class: 'dim' }, 'unknown');
  if (typeof found === 'boolean') return found ? 'yes' : 'no';
  if (name === 'longitude' || name === 'latitude') return `${found.toFixed(5)}°`;
  if (typeof found === 'number') return count(found);
  if (name === 'email' && /^[^\s?&]+@[^\s?&]+$/.test(found)) return el('a', { href: `mailto:${found}` }, found);
  if (name === 'phone' && /^\+\d+$/.test(found)) return el('a', { href: `tel:${found}` }, found);
  return webLink(found);
}

/** The race track's address in the API. */
export const addressOf = (source, slug) => withQuery(`/api/v1/catalogue/tracks/${encodeURIComponent(slug)}`, { source });

/** The race track as elements. */
export async function drawTrack(source, slug, { close, meshLink }) {
  const { data: track } = await get(addressOf(source, slug));
  const origin = track.coordinates_from && track.coordinates_from !== 'source' ? ` (found by the geocoder ${track.coordinates_from})` : '';
  return [
    el('div', { class: 'source-head' },
      el('h2', {}, track.name), !track.is_active && el('span', { class: 'bad' }, 'not listed any more'), el('span', { class: 'push' }),
      el('button', { type: 'button', class: 'plain', on: { click: close } }, 'Close')),
    el('div', { class: 'track-parts' },
      track.mesh_id && meshLink(track, true),
      el('dl', { class: 'all-fields' }, Object.entries(NAMES).map(([name, words]) => el('div', {},
        el('dt', {}, words), el('dd', {}, value(name, track[name]), name === 'latitude' && origin))))),
    el('p', { class: 'dim' }, 'First stored ', when(track.created_at), ', last written ', when(track.updated_at),
      track.misses ? `; the last ${count(track.misses)} lists lacked it` : '', '.'),
    el('h3', {}, 'History'),
    track.history.length ? el('ol', { class: 'history' }, track.history.map(drawEntry)) : el('p', { class: 'dim' }, 'The last 30 syncs changed nothing of it.'),
  ];
}

const drawEntry = (entry) => el('li', {},
  el('p', {}, when(entry.at), ' ', el('span', { class: 'strong' }, KINDS[entry.kind]), entry.undone_at && el('span', { class: 'bad' }, ', undone since')),
  entry.fields.length > 0 && el('ul', {}, entry.fields.map((one) => el('li', {},
    el('span', { class: 'dim' }, `${NAMES[one.field] ?? one.field}: `), el('del', {}, one.before ?? 'unknown'), ' → ', el('ins', {}, one.after ?? 'unknown')))));
