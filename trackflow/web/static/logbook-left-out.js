// The tracks of a vehicle's devices that its book has not: one line, which opens their list.

import { categoryName, modeName } from './codes.js';
import { el } from './dom.js';
import { distance, speed } from './format.js';
import { dayOf, timeOf } from './logbook-trips.js';
import { plural, tr } from './words.js';

const ID = 'left-out';

/** How many tracks there are, and how long they are. */
function sums(tracks) {
  const metres = tracks.reduce((sum, one) => sum + one.distance_m, 0);
  return { tracks: plural('{n} track', '{n} tracks', tracks.length), distance: distance(metres) };
}

/** The line with the list below it, open if that of the same month was; nothing where the book has all tracks. */
export function leftOut({ tracks, slowest_drive_kmh: slowest }, isSame) {
  if (!tracks.length) return null;
  const { true: twice = [], false: elsewhere = [] } = Object.groupBy(tracks, (one) => one.reason === 'double');
  const words = [elsewhere.length && tr('Not in the vehicle: {tracks}, {distance}', sums(elsewhere)), twice.length && tr('Recorded twice: {tracks}, {distance}', sums(twice))].filter(Boolean);
  return el('details', { id: ID, open: isSame && document.getElementById(ID)?.open },
    el('summary', { class: 'dim', 'data-key': ID }, words.join(' · ')),
    el('ul', { class: 'past', 'aria-label': words.join(', ') }, tracks.map((one) => row(one, slowest))));
}

function row(one, slowest) {
  const day = dayOf(one.local_day);
  const time = timeOf(one.start_time);
  return el('li', { 'data-track': one.track_id },
    el('span', { class: 'words' }, el('span', { class: 'strong' }, [day, time && `${time} – ${timeOf(one.end_time)}`].filter(Boolean).join(', ')), ` · ${distance(one.distance_m)}`, el('span', { class: 'dim' }, ` · ${why(one, slowest)}`)),
    one.track_id && el('a', { class: 'link', href: `/#${new URLSearchParams({ day: one.local_day, colour: 'mode', tab: 'tracks', track: one.track_id })}`, 'data-key': `left-out-${one.track_id}`, 'aria-label': tr('The track of {day}, {time} on the map', { day, time }) }, tr('On the map')));
}

/** Why the book has it not; of a private track only whether the book has it by another device. */
function why({ reason, mode, said_by: who, category }, slowest) {
  if (reason === 'double') return tr('another device has recorded it');
  if (reason === 'slow') return tr('never faster than {speed}', { speed: speed(slowest) });
  if (reason === null) return categoryName(category);
  return who ? tr('{mode}, as {who} said', { mode: modeName(mode), who }) : tr('{mode}, as a person said', { mode: modeName(mode) });
}
