// Loading what the page shows: devices, tracks and stops of the range, as exactly as the map needs.

import { get, getIfThere, withQuery } from './api.js';
import { assign } from './colours.js';
import { byId } from './dom.js';
import { boundsOf, point } from './geometry.js';
import { setLooks } from './looks.js';
import { currentView } from './map.js';
import { pixelM, viewOf } from './preview.js';
import { longTiles } from './long.js';
import { moments } from './range.js';
import { panelPadding } from './sheet.js';
import { state } from './state.js';
import { dayOf } from './zones.js';

const FIRST_PAGE = 100;
const PAGE = 1000;
const MOST_TRACKS = 5000;
const LISTED = 200;
const FINEST_M = 1.5; // a chosen track is exact anyway
const COARSEST_M = 200;
const UNKNOWN_M = 8;
const UNSEEN_M = 100000; // lines of a list, which only say where a track is
const MANY_DEVICES = 100;

export { LONG_DAYS } from './long.js';

/** Everything that is known. */
export const data = { devices: [], networks: [], tracks: [], sums: new Map(), stops: [], visits: [], long: null, status: null, settings: null, truncated: false, loaded: false };

/** Where to look first: the last 24 hours, or the day of the newest point if that is older. */
export function firstRange() {
  const newest = data.devices.map((d) => d.last_time).filter(Boolean).sort().at(-1);
  if (!newest || Date.now() - new Date(newest) < 24 * 3600000) return { kind: 'last', hours: 24 };
  return { kind: 'day', day: dayOf(newest) };
}

export async function loadDevices(signal) {
  const { data: found, changed } = await get('/api/v1/devices', { signal });
  if (changed || !data.devices.length) {
    data.devices = found.devices;
    assign(data.devices);
    setLooks(data.devices);
  }
  return changed;
}

/** What of the API the range and the devices ask for. */
export function query() {
  const { from, to } = moments();
  return { device: state.devices, from: from.toISOString(), to: to?.toISOString() };
}

export async function loadTracks(signal, view = state.view ?? currentView() ?? deviceView()) {
  if (state.devices?.length === 0) {
    data.tracks = [];
    data.truncated = false;
    return true;
  }
  if (data.long) return loadNewest(signal);
  data.offByM = tolerance(view) * (data.devices.length > MANY_DEVICES ? 2 : 1);
  data.refined = '';
  const base = { ...query(), simplify_m: data.offByM, limit: PAGE, order: 'newest' };
  const found = [];
  let changed = false;
  let cursor = null;
  do {
    const page = await get(withQuery('/api/v1/tracks', { ...base, cursor }), { signal });
    found.push(...page.data.features);
    changed = changed || page.changed;
    cursor = page.data.next ?? null;
  } while (cursor && found.length < MOST_TRACKS);
  setTracks(found, data.offByM, Boolean(cursor));
  return changed;
}

/** Find out whether the range has so many tracks that the map draws tiles. */
export async function loadLong(signal) {
  data.long = await longTiles(signal);
}

/** The newest tracks, for the list. */
async function loadNewest(signal) {
  const newest = { ...query(), simplify_m: UNSEEN_M, limit: LISTED, order: 'newest' };
  const page = await get(withQuery('/api/v1/tracks', newest), { signal });
  setTracks(page.data.features, UNSEEN_M, page.data.next !== null);
  return page.changed;
}

export function setTracks(features, offByM, truncated = false) {
  data.tracks = features.sort((a, b) => (a.properties.start_time < b.properties.start_time ? 1 : -1));
  data.offByM = offByM;
  data.truncated = truncated;
}

/** Some tracks, coarsely: the first thing to be seen. */
export async function loadSome() {
  if (state.devices?.length === 0) return { features: [], offByM: 0, next: null };
  const view = state.view ?? deviceView();
  // devices that all stand in one yard say nothing about how far they drive
  const offByM = view && view.zoom < 16 ? tolerance(view) : UNKNOWN_M;
  const { features, next } = (await get(withQuery('/api/v1/tracks', { ...query(), limit: FIRST_PAGE, simplify_m: offByM }))).data;
  return { features, offByM, next: next ?? null };
}

/** How exact lines have to be in a view: to a pixel, in steps, so that answers are often the same. */
export function tolerance(view) {
  if (!view) return UNKNOWN_M;
  return Math.min(COARSEST_M, Math.max(FINEST_M, FINEST_M * 2 ** Math.floor(Math.log2(pixelM(view) / FINEST_M))));
}

/** The view of where devices are: tracks will not be far away. */
function deviceView() {
  const bounds = boundsOf(devicePlaces().map((f) => f.geometry));
  return bounds && viewOf(bounds, byId('map'), panelPadding());
}

export const devicePlaces = () => data.devices
  .filter((d) => d.last_position && (!state.devices || state.devices.includes(d.device_id)))
  .map((d) => point(d.last_position.longitude, d.last_position.latitude));

/** How far each device went in the range: parts of tracks count, not whole ones. */
export async function loadSums(signal) {
  const { data: found } = state.devices?.length === 0 ? { data: { distances: [] } } : await get(withQuery('/api/v1/distances', query()), { signal });
  data.sums = new Map(found.distances.map((d) => [d.device_id, { metres: d.distance_m, tracks: d.tracks }]));
}

/** Stops, and stays at race tracks. */
export async function loadStops(signal) {
  if (state.devices?.length === 0 || data.long) { // thousands of dots would hide the lines
    data.stops = [];
    data.visits = [];
    return;
  }
  const of = (what) => getIfThere(withQuery(`/api/v1/${what}`, query()), { signal });
  const [stops, visits] = await Promise.all([of('stops'), of('visits')]);
  data.stops = stops?.data.features ?? [];
  data.visits = (visits?.data.features ?? []).filter((visit) => visit.geometry);
}

/** Lines for a closer look, of what is in view: those that were loaded for all of it are coarser. Says whether there are any. */
export async function loadFiner(view) {
  if (data.long) return false;
  const offByM = tolerance(view);
  if (offByM > data.offByM / 2) return false;
  const bbox = view.bounds.map((x) => x.toFixed(3)).join(',');
  const address = withQuery('/api/v1/tracks', { ...query(), limit: PAGE, simplify_m: offByM, bbox });
  if (address === data.refined) return false;
  data.refined = address;
  const finer = new Map((await get(address)).data.features.map((t) => [t.properties.track_id, t.geometry]));
  if (data.refined !== address) return false;
  for (const track of data.tracks) track.geometry = finer.get(track.properties.track_id) ?? track.geometry;
  return true;
}
