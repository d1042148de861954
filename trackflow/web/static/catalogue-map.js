// The map of the race tracks: a dot for each that has coordinates, and the chosen one.

import { get, getIfThere } from './api.js';
import { addGround, groundOf, groundWanted } from './basemap.js';
import { dark, ofMap } from './colours.js';
import { boundsOf, collection, point } from './geometry.js';
import { flatMap, mapLibre } from './flat-map.js';
import { tr } from './words.js';

const LOWEST = 'race-tracks';
const FIT = { padding: 32, maxZoom: 12, duration: 0 };

let map = null;
let making = null;
let shown = { rows: [], chosen: null };
let fitted = '';
let onChoose = () => {};

const isLocated = (track) => track.longitude !== null && track.latitude !== null;
const features = () => collection(shown.rows.filter(isLocated).map((t) => point(t.longitude, t.latitude, { slug: t.slug, name: t.name, active: t.is_active, chosen: t.slug === shown.chosen })));

function style() {
  const c = ofMap();
  const [accent, gone] = dark.matches ? ['#6cb8f5', '#8b97a4'] : ['#0a66a8', '#6b7683'];
  const isChosen = ['==', ['get', 'chosen'], true];
  return {
    version: 8,
    sources: { [LOWEST]: { type: 'geojson', data: features() } },
    layers: [
      { id: 'background', type: 'background', paint: { 'background-color': c.background } },
      {
        id: LOWEST, type: 'circle', source: LOWEST, layout: { 'circle-sort-key': ['case', isChosen, 1, 0] },
        paint: {
          'circle-color': ['case', isChosen, c.visit, ['get', 'active'], accent, gone],
          'circle-radius': ['interpolate', ['linear'], ['zoom'], 1, ['case', isChosen, 7, 3], 8, ['case', isChosen, 10, 6]],
          'circle-stroke-color': c.halo, 'circle-stroke-width': 1.2,
        },
      },
    ],
  };
}

async function drawGround() {
  const [settings, networks] = await Promise.all([get('/api/v1/page'), getIfThere('/api/v1/networks')]);
  const ground = await groundOf(groundWanted(settings.data, networks));
  if (map.getLayer(LOWEST) && !map.getLayer(ground.layers[0].id)) addGround(map, ground, { below: LOWEST, namesBelow: LOWEST });
}

async function make(container) {
  await mapLibre();
  map = flatMap(container, {
    title: tr('Map of race tracks; arrow keys move it, plus and minus zoom'), zoomAt: 'top-right', cooperativeGestures: true,
    style: style(), bounds: boundsOf(features().features.map((f) => f.geometry)), fitBoundsOptions: FIT,
  });
  if (!map) return;
  map.on('style.load', () => drawGround().catch((error) => console.debug('map:', error.message)));
  map.on('click', (event) => { const found = under(event); if (found) onChoose(found.slug); });
  map.on('mousemove', (event) => {
    const found = under(event);
    map.getCanvas().style.cursor = found ? 'pointer' : '';
    map.getCanvas().title = found?.name ?? '';
  });
  map.once('idle', () => { container.dataset.ready = 'yes'; });
  dark.addEventListener('change', () => map.setStyle(style(), { diff: false }));
}

function under({ point: { x, y } }) {
  if (!map.getLayer(LOWEST)) return null;
  return map.queryRenderedFeatures([[x - 8, y - 8], [x + 8, y + 8]], { layers: [LOWEST] })[0]?.properties ?? null;
}

/** Show these race tracks, one of them chosen or none; `choose` is called with the slug of a click. */
export async function showOnMap(container, rows, chosen, choose) {
  onChoose = choose;
  const moved = shown.chosen !== chosen && rows.find((t) => t.slug === chosen && isLocated(t));
  shown = { rows, chosen };
  const found = features().features;
  container.parentElement.hidden = !found.length && !map;
  if (!found.length && !map) return;
  making ??= make(container).catch((error) => {
    making = null; // it is tried again when the list is drawn again
    throw error;
  });
  await making;
  if (!map) return;
  map.getSource(LOWEST)?.setData(features());
  const bounds = boundsOf(found.map((f) => f.geometry));
  const now = JSON.stringify(bounds);
  if (bounds && fitted && now !== fitted) map.fitBounds(bounds, FIT);
  fitted = now;
  if (moved) map.easeTo({ center: [moved.longitude, moved.latitude], zoom: Math.max(map.getZoom(), 6), duration: 0 });
}
