// What the map shows of what is known: lines, stops, devices, and what their colours mean.

import { colourExpression, ofDevice, ofMap } from './colours.js';
import { byId, el, fill } from './dom.js';
import { data } from './loading.js';
import { showLong, showPositions, showStops, showTracks, showVisits } from './map.js';
import { moments } from './range.js';
import { state } from './state.js';
import { colourOf, colourWords } from './tracks.js';
import { tr } from './words.js';

export function drawLines() {
  data.tracks.forEach((track, n) => {
    const p = track.properties;
    p.n = n;
    p.colour = colourOf(p);
    p.track_name = p.name ?? '';
    p.faint = state.track !== null && p.track_id !== state.track;
  });
  for (const stop of data.stops) stop.properties.colour = ofDevice(stop.properties.device_id);
  showTracks(data.long ? [] : data.tracks);
  showLong(data.long && { ...data.long, colour: colourExpression(state.colour), faint: state.track !== null });
  showStops(data.stops);
  showVisits(data.visits);
  drawPositions();
  drawLegend();
}

/** Devices where they were last seen, if that was in the range. */
export function drawPositions() {
  const { from, to } = moments();
  const shown = data.devices.filter((d) => {
    if (state.devices && !state.devices.includes(d.device_id)) return false;
    const time = d.last_position && new Date(d.last_position.recorded_at);
    return time && time >= from && (to === null || time < to);
  });
  showPositions(shown.map((d) => ({ device_id: d.device_id, ...d.last_position })));
}

function drawLegend() {
  const heat = ofMap().heat.map((colour, k) => [[tr('passed once'), tr('a few times'), tr('often'), tr('most often')][k], colour]);
  const used = new Map(state.colour === 'often' && data.long ? heat : data.tracks.map((track) => [colourWords(track.properties), colourOf(track.properties)]));
  const box = byId('legend');
  box.hidden = state.colour === 'device' || !used.size;
  if (!box.hidden) fill(box, [...used].map(([words, colour]) => el('span', { class: 'legend-item' }, el('span', { class: 'swatch line', style: { '--colour': colour } }), words)));
}
