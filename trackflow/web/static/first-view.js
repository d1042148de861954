// What is seen first: some lines at once, and the map in their place as soon as it is there.

import { groundWanted, withExtent } from './basemap.js';
import { byId } from './dom.js';
import { boundsOf } from './geometry.js';
import { LONG, TRACKS } from './layers.js';
import { data, devicePlaces } from './loading.js';
import { createMap, extentOf, fit, showGround } from './map.js';
import { drawPreview, viewOf } from './preview.js';
import { isSheet, panelPadding } from './sheet.js';
import { state } from './state.js';
import { colourOf } from './tracks.js';
import { handlers } from './wiring.js';

const SOMEWHERE = [-25, 34, 45, 71]; // while there is nothing to look at

/** Draw what lies below the tracks. */
export function ground(networks) {
  data.networks = withExtent(networks);
  showGround(groundWanted(data.settings, networks));
}

/** Where to look first: tracks, or else devices. */
const firstBounds = () => data.long?.bounds ?? boundsOf((data.tracks.length ? data.tracks : devicePlaces()).map((f) => f.geometry));

/** Show some tracks at once; the map comes in their place. */
export async function showPreview(tracks, known = null) {
  const box = byId('map');
  const bounds = boundsOf([...tracks, ...devicePlaces()].map((f) => f.geometry));
  const view = known ?? state.view ?? viewOf(bounds, box, panelPadding());
  for (const { properties: p } of tracks) p.colour = colourOf(p);
  const canvas = await drawPreview(box, tracks, view);
  document.body.dataset.firstView = String(Math.round(performance.now()));
  return { canvas, view };
}

/** Make the map where the first picture is; `asked` gives the settings and the networks. */
export async function makeMap(asked, preview) {
  const box = byId('map');
  const view = preview?.view ?? state.view ?? viewOf(firstBounds() ?? extentOf(withExtent((await asked)[1])) ?? SOMEWHERE, box, panelPadding());
  const made = createMap(box, { view, paddingOf: panelPadding, handlers });
  if (!made) return;
  made.on('render', function there() {
    if (!made.getSource(TRACKS) || !made.isSourceLoaded(TRACKS) || (made.getSource(LONG) && !made.isSourceLoaded(LONG))) return;
    made.off('render', there);
    preview?.canvas.remove();
    if (!state.view && !state.track) fit(firstBounds(), { always: false });
    if (isSheet()) made.once('idle', () => box.querySelector('.maplibregl-ctrl-attrib')?.classList.remove('maplibregl-compact-show'));
    document.body.dataset.mapReady = String(Math.round(performance.now()));
  });
}
