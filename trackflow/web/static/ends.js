// From where to where tracks went: asked for once per range, when a list of tracks is to be seen.

import { get, withQuery } from './api.js';
import { isolated, tr } from './words.js';

const PAGE = 1000;
const MOST_PAGES = 5;

const known = new Map(); // by track
let asked = '';

/** From where to where, in words; empty if neither end has a name. */
export const fromTo = ({ start, end }) => {
  if (!start && !end) return '';
  if (start && end && start.name === end.name) return tr('in {place}', { place: start.name });
  return `${isolated(start?.name ?? '…')} → ${isolated(end?.name ?? '…')}`;
};

/** The same of a track by its id; empty while it is not known. */
export const endsOf = (trackId) => known.get(trackId) ?? '';

/** Ask for the ends of all tracks of a query, and write them where they are shown. */
export async function loadEnds(query, signal) {
  const address = withQuery('/api/v1/tracks/ends', { ...query, limit: PAGE });
  if (address === asked) return write();
  asked = address;
  let cursor = null;
  for (let page = 0; page < MOST_PAGES; page += 1) {
    const { data } = await get(withQuery(address, { cursor }), { signal });
    for (const track of data.tracks) known.set(track.track_id, fromTo(track));
    write();
    cursor = data.next;
    if (!cursor) return undefined;
  }
  return undefined;
}

function write() {
  for (const place of document.querySelectorAll('[data-ends]')) {
    const text = endsOf(place.dataset.ends);
    if (place.textContent !== text) place.textContent = text;
  }
}
