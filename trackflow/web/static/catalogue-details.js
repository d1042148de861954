// A race track with all that is known of it, and what the last syncs changed.

import { get, withQuery } from './api.js';
import { countryName } from './country-names.js';
import { el } from './dom.js';
import { count, decimal, when } from './format.js';
import { LOCALE, plural, tr } from './words.js';

const NAMES = {
  name: tr('name'), slug: tr('slug'), url: tr('page at the source'), series_code: tr('series'), activity: tr('right now'), event_name: tr('event'),
  has_video: tr('video right now'), is_featured: tr('recommended'), address: tr('address'), city: tr('city'), country: tr('country'),
  country_code: tr('country code'), phone: tr('phone'), email: tr('e-mail'), website: tr('website'), map_query: tr('map query'), logo_url: tr('logo'),
  longitude: tr('longitude'), latitude: tr('latitude'), laps: tr('laps'), practice_sessions: tr('practice sessions'), races: tr('races'),
  entries: tr('race|entries'), events: tr('events'), results_this_month: tr('results this month'), sessions_this_month: tr('sessions this month'),
  videos_this_month: tr('videos this month'),
};
/** A field in words. */
export const fieldName = (field) => NAMES[field] ?? field;

const KINDS = {
  added: tr('added'), changed: tr('changed'), reactivated: tr('listed again'), deactivated: tr('not listed any more'),
  missed: tr('missed by a list'), found: tr('in the list again'),
};

export const isWeb = (text) => /^https?:\/\//.test(text ?? '');
export const webLink = (text) => (isWeb(text) ? el('a', { href: text, rel: 'noreferrer noopener', target: '_blank' }, text) : text ?? '');

const listed = (words) => new Intl.ListFormat(LOCALE).format(words);

function value(name, found) {
  if (typeof found === 'boolean') return found ? tr('yes') : tr('no');
  if (name === 'longitude' || name === 'latitude') return `${decimal(found, 5)}°`;
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
  const known = Object.keys(NAMES).filter((name) => track[name] !== null && track[name] !== '');
  const unknown = Object.keys(NAMES).filter((name) => !known.includes(name));
  const origin = track.coordinates_from && track.coordinates_from !== 'source' ? ` (${tr('found by the geocoder {name}', { name: track.coordinates_from })})` : '';
  return [
    el('div', { class: 'source-head' },
      el('h2', {}, track.name), !track.is_active && el('span', { class: 'bad' }, tr('not listed any more')), el('span', { class: 'push' }),
      el('button', { type: 'button', class: 'plain', on: { click: close } }, tr('Close'))),
    el('div', { class: 'track-parts' },
      track.mesh_id && meshLink(track, true),
      el('dl', { class: 'all-fields' }, known.map((name) => el('div', {},
        el('dt', {}, NAMES[name]), el('dd', {}, name === 'country' ? countryName(track.country, track.country_code) : value(name, track[name]), name === 'latitude' && origin))))),
    unknown.length > 0 && el('p', { class: 'dim unknown' }, tr('Not known: {fields}.', { fields: listed(unknown.map((name) => NAMES[name])) })),
    el('p', { class: 'dim' }, tr('First stored {first}, last written {last}.', { first: when(track.created_at), last: when(track.updated_at) }),
      track.misses > 0 && ` ${plural('The last list lacked it.', 'The last {n} lists lacked it.', track.misses)}`),
    el('h3', {}, tr('History')),
    track.history.length ? el('ol', { class: 'history' }, track.history.map(drawEntry)) : el('p', { class: 'dim' }, tr('The last 30 syncs changed nothing of it.')),
  ];
}

const drawEntry = (entry) => el('li', {},
  el('p', {}, when(entry.at), ' ', el('span', { class: 'strong' }, KINDS[entry.kind]), entry.undone_at && el('span', { class: 'bad' }, `, ${tr('undone since')}`)),
  entry.fields.length > 0 && el('ul', {}, entry.fields.map((one) => el('li', {},
    el('span', { class: 'dim' }, `${fieldName(one.field)}: `), el('del', {}, one.before ?? tr('unknown')), ' → ', el('ins', {}, one.after ?? tr('unknown'))))));
