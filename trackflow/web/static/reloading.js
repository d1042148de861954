// Loading what the range and the devices ask for, and drawing it.

import { answered, failed } from './connection.js';
import { refreshDays } from './days.js';
import { refreshDetails } from './details.js';
import { announce } from './dom.js';
import { drawLines } from './drawing.js';
import { devicesRead, refreshEnds } from './finding.js';
import { boundsOf } from './geometry.js';
import { drawBody, neighbours } from './lists.js';
import { data, loadDevices, loadFiner, loadLong, loadStops, loadSums, loadTracks } from './loading.js';
import { currentView, fit, hasMap, showTracks } from './map.js';
import { drawRange, rangeInWords } from './range.js';
import { plural } from './words.js';

const REFINE_REST_MS = 250;

let loading = null; // the AbortController of what is being loaded
let refining = null;

async function refine() {
  if (!hasMap()) return;
  try {
    if (await loadFiner(currentView())) showTracks(data.tracks);
  } catch (error) {
    failed(error);
  }
}

export function refineSoon() {
  clearTimeout(refining);
  refining = setTimeout(refine, REFINE_REST_MS);
}

/** Load what the range and the devices ask for, and draw it. */
export async function load({ moved = false } = {}) {
  loading?.abort();
  const mine = (loading = new AbortController());
  const { signal } = mine;
  document.body.classList.add('loading');
  try {
    await loadDevices(signal);
    drawRange();
    await loadLong(signal);
    await Promise.all([loadTracks(signal), loadSums(signal), loadStops(signal)]);
    if (mine !== loading) return;
    data.loaded = true;
    answered();
    drawLines();
    drawBody();
    refineSoon();
    if (moved) fit(data.long?.bounds ?? boundsOf(data.tracks.map((t) => t.geometry)), { always: false });
    announce(plural('{n} track in {range}', '{n} tracks in {range}', data.long?.tracks ?? data.tracks.length, { range: rangeInWords() }));
    devicesRead();
    await Promise.all([refreshDays(signal), refreshEnds(), refreshDetails({ signal, neighbours, move: false })]);
  } catch (error) {
    failed(error);
  } finally {
    if (mine === loading) document.body.classList.remove('loading');
  }
}
