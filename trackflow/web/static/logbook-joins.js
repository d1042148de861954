// Several stops of one day as one trip: a trip is counted with the next one, or its tracks one by one again.

import { ApiError, get, send } from './api.js';
import { el } from './dom.js';
import { tr } from './words.js';

const deviceOf = async (entry) => (await get(`/api/v1/tracks/${encodeURIComponent(entry.now.track_ids[0])}`)).data.properties.device_id;

async function join(entry, next) {
  await send('POST', '/api/v1/logbook/join', { device_id: await deviceOf(entry), start: entry.now.start_time, end: next.now.end_time });
}

/** Take back the newest join that covers a trip: what was joined before it counts again. */
async function undo(entry) {
  const [start, end] = [entry.now.start_time, entry.now.end_time].map((time) => Date.parse(time));
  const { joins } = (await get(`/api/v1/logbook/joins?${new URLSearchParams({ device: await deviceOf(entry) })}`)).data;
  const found = joins.findLast((one) => Date.parse(one.start_time) < end && Date.parse(one.end_time) > start);
  if (!found) throw new ApiError(0, tr('Nobody has joined it: short stays between trips are part of them here.'));
  await send('POST', `/api/v1/logbook/joins/${found.join_id}/undo`);
}

const isOpen = (entry) => entry?.status === 'open' && entry.now.track_ids?.length > 0;

/** The buttons of an open trip; `next` is the trip after it in the book. `done` is called with words and a promise. */
export function joinButtons(entry, next, done) {
  if (!isOpen(entry)) return null;
  const button = (name, words, work) => el('button', { type: 'button', class: 'link', 'data-key': `${name}-${entry.entry_id}`, on: { click: () => done(work) } }, words);
  const isNextOne = isOpen(next) && next.now.device_key === entry.now.device_key && next.now.local_day === entry.now.local_day;
  return [
    isNextOne && button('join', tr('Count with the next one'), () => join(entry, next)),
    entry.now.track_ids.length > 1 && button('undo-join', tr('Count its tracks one by one'), () => undo(entry)),
  ];
}
