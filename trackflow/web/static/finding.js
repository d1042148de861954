// Finding things on the map page: what the search, a click on a device and a right click lead to.

import { startBox } from './box.js';
import { loadEnds } from './ends.js';
import { goTo, keepUp, stop } from './follow.js';
import { boundsOf } from './geometry.js';
import { boxOf, drawHere, offerHere, refreshHere } from './here.js';
import { data, devicePlaces, query } from './loading.js';
import { easeTo, fit, freeBounds, hasMap } from './map.js';
import { reader } from './purpose.js';
import { installSearch } from './search.js';
import { isSheet, setSheet, sheetStep } from './sheet.js';
import { change, state } from './state.js';
import { hint } from './tooltip.js';
import { dayOf } from './zones.js';

const SPOT_ZOOM = 15;

/** On a phone the lists make room for the map. */
function makeRoom() {
  if (isSheet() && sheetStep() === 'full') setSheet('half');
}

/** Go to a device; if it is not shown, show it too. */
export function goToDevice(device) {
  stop();
  makeRoom();
  if (state.devices && !state.devices.includes(device.device_id)) change({ devices: [...state.devices, device.device_id] });
  goTo(device);
}

/** Show all that there is to see: tracks and devices. */
export function fitAll() {
  stop();
  makeRoom();
  fit(data.long?.bounds ?? boundsOf([...data.tracks, ...devicePlaces()].map((f) => f.geometry)));
}

const box = () => {
  if (!hasMap()) return;
  makeRoom();
  startBox({ devices: data.devices, mayChange: reader.mayChange });
};

/** What the map tells. */
export const findingHandlers = {
  hint,
  here: (lngLat) => offerHere(lngLat, reader.mayChange, box),
};

/** Devices have been read anew. */
export const devicesRead = () => keepUp(data.devices);

/** The reader has moved the map: it keeps up with nothing any more. */
export const movedByReader = stop;

/** Names of the ends of tracks, if a list is to be seen that has them. */
export async function refreshEnds() {
  if (!state.range || !(state.tab === 'tracks' || state.track) || state.devices?.length === 0) return;
  try {
    await loadEnds(query());
  } catch {
    // lists are of use without them; what reads the tracks shows what is wrong
  }
}

/** Something of the state has changed. */
export function findingChanged(has) {
  if (has('here', 'devices')) refreshHere();
  else if (has('zone', 'track')) drawHere();
  if (has('follow')) keepUp(data.devices);
  if (has('tab', 'track')) refreshEnds();
}

installSearch({
  device: (id) => {
    const device = data.devices.find((one) => one.device_id === id);
    if (device) goToDevice(device);
  },
  track: (one) => change({ range: { kind: 'day', day: dayOf(one.start_time) }, track: one.id }),
  days: (from, to) => change({ range: from === to ? { kind: 'day', day: from } : { kind: 'span', from, to }, track: null }),
  spot: (one) => {
    stop();
    makeRoom();
    if (one.bbox) fit(one.bbox);
    else easeTo(one.position, SPOT_ZOOM);
  },
  through: () => hasMap() && change({ here: boxOf(freeBounds()) }),
  box,
});
