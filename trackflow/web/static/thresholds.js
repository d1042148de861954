// The thresholds of a device in words, and what others would do to its tracks.

import { el } from './dom.js';
import { count, date, distance, span } from './format.js';
import { plural, tr } from './words.js';

export const MEANINGS = {
  gap_s: tr('A longer time without points is a silence'),
  silence_s: tr('A longer silence always ends the track'),
  max_speed_kmh: tr('A faster step is impossible'),
  noise_m: tr('How far a step may be off'),
  max_accuracy_m: tr('Less accurate points are dropped'),
  spike_s: tr('Spikes are looked for between points so close in time'),
  spike_points: tr('Longest run of points that can be a spike'),
  dwell_s: tr('How long a stay lasts at least'),
  dwell_radius_m: tr('How far a stay reaches around its middle'),
  min_track_m: tr('A shorter track is dropped'),
  min_track_points: tr('A track of fewer points is dropped'),
};
const KINDS = {
  same: (n) => plural('{n} same', '{n} same', n), added: (n) => plural('tracks|{n} added', 'tracks|{n} added', n),
  removed: (n) => plural('tracks|{n} removed', 'tracks|{n} removed', n), split: (n) => plural('{n} split', '{n} split', n),
  merged: (n) => plural('tracks|{n} merged', 'tracks|{n} merged', n), changed: (n) => plural('tracks|{n} changed', 'tracks|{n} changed', n),
};
const CHANGES = { same: tr('same'), added: tr('added'), removed: tr('removed'), split: tr('split'), merged: tr('merged'), changed: tr('changed') };
const MOST = 50;

/** The day (UTC) of a time. */
export const isoDay = (time) => new Date(time).toISOString().slice(0, 10);

/** What other thresholds would change, as a summary and a table. */
export function comparison(found) {
  const kinds = Object.entries(found.counts).sort().map(([name, n]) => KINDS[name]?.(n) ?? `${count(n)} ${name}`).join(', ');
  return [
    el('p', { class: 'strong' }, `${plural('{n} track', '{n} tracks', found.tracks_before)}, ${distance(found.before_m)} → ${plural('{n} track', '{n} tracks', found.tracks_after)}, ${distance(found.after_m)}`),
    el('p', { class: 'dim' }, kinds || tr('There are no tracks in these days.')),
    found.changes.length > 0 && el('div', { class: 'table-box' }, el('table', {},
      el('thead', {}, el('tr', {}, [tr('Change'), tr('Now'), tr('Then')].map((name) => el('th', { scope: 'col' }, name)))),
      el('tbody', {}, found.changes.slice(0, MOST).map((change) => el('tr', {}, el('td', {}, CHANGES[change.kind] ?? change.kind), el('td', {}, spans(change.before)), el('td', {}, spans(change.after))))))),
    found.changes.length > MOST && el('p', { class: 'dim' }, tr('and {n} more', { n: count(found.changes.length - MOST) })),
  ];
}

const spans = (tracks) => (tracks.length ? tracks.map((track) => el('p', {}, `${date(track.start_time)}, `, span(track.start_time, track.end_time), `, ${distance(track.distance_m)}`)) : tr('no track'));
