// What is shown above everything for a moment: the area that is asked about, a spot on a line.

import { ofMap } from './colours.js';
import { NOTHING } from './geometry.js';

const AREA = 'asked-area';
const STEPS = 64;
const METRES_PER_DEGREE = 111195;

let map = null;
let area = NOTHING;
let spot = null; // a marker

/** Take over a map whose style is there, again after each change of style. */
export function attachOverlay(made) {
  map = made;
  if (map.getSource(AREA)) return;
  const colour = ofMap().selected;
  map.addSource(AREA, { type: 'geojson', data: area });
  map.addLayer({ id: AREA, type: 'fill', source: AREA, paint: { 'fill-color': colour, 'fill-opacity': 0.08 } });
  map.addLayer({ id: `${AREA}-edge`, type: 'line', source: AREA, paint: { 'line-color': colour, 'line-width': 1.6, 'line-dasharray': [3, 2] } });
}

/** The area of "when was I here?": { box } or { near, radius }; null for none. */
export function showArea(here) {
  area = here ? polygon(here.box ? ofBox(here.box) : ofCircle(here)) : NOTHING;
  map?.getSource(AREA)?.setData(area);
}

const polygon = (ring) => ({ type: 'Feature', geometry: { type: 'Polygon', coordinates: [ring] }, properties: {} });

function ofBox(text) {
  const [west, south, lastEast, north] = text.split(',').map(Number);
  const east = lastEast < west ? lastEast + 360 : lastEast;
  return [[west, south], [east, south], [east, north], [west, north], [west, south]];
}

function ofCircle({ near, radius }) {
  const [lon, lat] = near.split(',').map(Number);
  const high = radius / METRES_PER_DEGREE;
  const wide = high / Math.max(0.01, Math.cos((lat * Math.PI) / 180));
  return Array.from({ length: STEPS + 1 }, (_, k) => {
    const turn = (2 * Math.PI * k) / STEPS;
    return [lon + wide * Math.cos(turn), lat + high * Math.sin(turn)];
  });
}

/** A spot on a line; null for none. */
export function showSpot(lngLat) {
  if (!lngLat) {
    spot?.remove();
    spot = null;
    return;
  }
  if (!map) return;
  if (!spot) {
    const dot = document.createElement('div');
    dot.className = 'spot';
    spot = new globalThis.maplibregl.Marker({ element: dot }).setLngLat(lngLat).addTo(map);
  } else spot.setLngLat(lngLat);
}
