// MapLibre as the pages use it: flat, with the reader's words on its buttons.

import { ApiError } from './api.js';
import { el, fill } from './dom.js';
import { tr } from './words.js';

const LIBRARY = '/static/maplibre-gl/dist/maplibre-gl.mjs';

let tries = 0; // a browser may remember that an address failed

/** MapLibre's own script: large, so it is loaded when it is needed. */
export async function mapLibre() {
  try {
    globalThis.maplibregl ??= await import(tries ? `${LIBRARY}?${tries}` : LIBRARY);
  } catch {
    tries += 1;
    throw new ApiError(0, tr('MapLibre could not be loaded.'));
  }
  return globalThis.maplibregl;
}

/** What MapLibre's buttons say; `title` says what the map is, for those who do not see it. */
const controlWords = (title) => ({
  'Map.Title': title,
  'AttributionControl.ToggleAttribution': tr('Sources of the map'),
  'NavigationControl.ZoomIn': tr('Zoom in'),
  'NavigationControl.ZoomOut': tr('Zoom out'),
  'Popup.Close': tr('Close'),
  'CooperativeGesturesHandler.WindowsHelpText': tr('Ctrl and scrolling zoom the map'),
  'CooperativeGesturesHandler.MacHelpText': tr('⌘ and scrolling zoom the map'),
  'CooperativeGesturesHandler.MobileHelpText': tr('Two fingers move the map'),
});

/** A map; null without WebGL, which its container then says. */
function madeOrTold(container, options) {
  try {
    return new globalThis.maplibregl.Map(options);
  } catch (error) {
    if (document.createElement('canvas').getContext('webgl2')) throw error;
    fill(container, el('p', { class: 'card no-map', role: 'status' }, tr('The map cannot be drawn: this browser offers no WebGL. The lists have everything.')));
    return null;
  }
}

/** A map that neither turns nor tilts, once `mapLibre` has been loaded; `options` are MapLibre's, `zoomAt` a corner; null without WebGL. */
export function flatMap(container, { title, zoomAt, ...options }) {
  const { maplibregl } = globalThis;
  const map = madeOrTold(container, {
    container,
    attributionControl: false,
    dragRotate: false,
    pitchWithRotate: false,
    maxPitch: 0,
    fadeDuration: 0,
    locale: controlWords(title),
    ...options,
  });
  if (!map) return null;
  map.touchZoomRotate.disableRotation();
  map.keyboard.disableRotation();
  map.addControl(new maplibregl.AttributionControl({ compact: true }), 'bottom-right');
  container.querySelector('.maplibregl-ctrl-attrib')?.removeAttribute('open');
  map.addControl(new maplibregl.NavigationControl({ showCompass: false }), zoomAt);
  map.on('error', ({ error }) => console.debug('map:', error?.message));
  container.map = map; // for those who look into the page from outside
  return map;
}
