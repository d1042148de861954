// The map: drawing what the page knows, and telling what was clicked.

import { addGround, groundOf } from './basemap.js';
import { dark, ofDevice, ofMap } from './colours.js';
import { collection, point, union } from './geometry.js';
import { nameOf } from './looks.js';
import { flatMap } from './flat-map.js';
import { attachOverlay } from './overlay.js';
import { CLICKABLE, LONG, POSITIONS, RAW, SELECTED, STOPS, TRACKS, VISITS, longLayers, longSource, style } from './layers.js';
import { isImperial } from './units.js';
import { tr } from './words.js';

const REACH_PX = [3, 9];
const HOLD_MS = 650;
const calm = matchMedia('(prefers-reduced-motion: reduce)');

/** What the map shows now; kept to draw it anew when the theme changes. */
const late = new Set(); // what came while the style was loading
const shown = {};
let wanted = null; // what lies below the tracks

let map = null;
let ready = false;
let hovered = null;
let lastClick = null;
let padding = () => 0;

/**
 * Make the map, with data that is there already; null if this browser cannot.
 * handlers: track(id), stop(properties, lngLat), visits(list of properties, lngLat), device(id), nothing(), moved(view).
 */
export function createMap(container, { view, paddingOf, handlers }) {
  padding = paddingOf;
  late.clear();
  map = flatMap(container, {
    title: tr('Map of tracks; arrow keys move it, plus and minus zoom'),
    zoomAt: 'bottom-right',
    style: style(shown),
    center: [view.lon, view.lat],
    zoom: view.zoom,
    refreshExpiredTiles: false,
  });
  if (!map) return null;
  map.addControl(new globalThis.maplibregl.ScaleControl({ maxWidth: 110, unit: isImperial ? 'imperial' : 'metric' }), 'bottom-right');
  map.on('styleimagemissing', ({ id }) => addImage(id));
  map.on('style.load', () => {
    ready = true;
    restore();
  });
  map.on('moveend', (event) => {
    const { zoom, lat, lon } = currentView();
    handlers.moved({ zoom, lat, lon }, Boolean(event.originalEvent));
  });
  map.on('click', (event) => click(event, handlers));
  map.on('mousemove', (event) => hover(event, handlers));
  map.on('mouseout', () => {
    hoverOver(null);
    handlers.hint(null);
  });
  pressAndHold(handlers);
  dark.addEventListener('change', () => repaint());
  return map;
}

/**
 * A right click asks, and so does a finger that stays where it is: not every phone makes the one of
 * the other, and some make a click of it as well, which would close what has been offered.
 */
function pressAndHold(handlers) {
  let timer = null;
  let isDown = false;
  let isHeld = false;
  const over = () => clearTimeout(timer);
  const ask = (lngLat) => {
    over();
    if (!isHeld) handlers.here(lngLat.wrap());
    isHeld = isDown;
  };
  const end = (event) => {
    over();
    if (isHeld) event.originalEvent.preventDefault();
    isDown = isHeld = false;
  };
  map.on('touchstart', (event) => {
    over();
    isDown = event.points.length === 1;
    if (isDown) timer = setTimeout(ask, HOLD_MS, event.lngLat);
  });
  map.on('contextmenu', (event) => ask(event.lngLat));
  for (const name of ['touchmove', 'movestart']) map.on(name, over);
  for (const name of ['touchend', 'touchcancel']) map.on(name, end);
}

function repaint() {
  if (!map) return;
  ready = false;
  late.clear();
  map.setStyle(style(shown), { diff: false });
}

function restore() {
  for (const source of late) map.getSource(source).setData(shown[source]);
  drawLong();
  late.clear();
  attachOverlay(map);
  drawGround();
}

async function drawGround() {
  const asked = wanted;
  if (!asked) return;
  const ground = await groundOf(asked);
  if (ready && asked === wanted && !map.getLayer(ground.layers[0].id)) addGround(map, ground);
}

function put(source, data) {
  shown[source] = data;
  const there = ready && map.getSource(source);
  if (there) there.setData(data);
  else late.add(source);
}

/** Whether there is a map already. */
export const hasMap = () => map !== null;

export const showTracks = (features) => put(TRACKS, collection(features));
/** A long range's tiles (see `longTiles`) with { colour: an expression, faint }; null for none. */
export function showLong(long) {
  if (JSON.stringify(long) === JSON.stringify(shown.long ?? null)) return;
  shown.long = long;
  if (ready) drawLong();
}

function drawLong() {
  const drawn = map.getStyle().layers.filter((layer) => layer.source === LONG).map((layer) => layer.id);
  for (const id of drawn) map.removeLayer(id);
  if (map.getSource(LONG)) map.removeSource(LONG);
  hovered = null;
  if (!shown.long) return;
  map.addSource(LONG, longSource(shown.long));
  for (const layer of longLayers(shown.long)) map.addLayer(layer, 'selected-halo');
}

export const showStops = (features) => put(STOPS, collection(features));
export const showVisits = (features) => put(VISITS, collection(features));

/** Where devices are now: { device_id, longitude, latitude }. */
export function showPositions(devices) {
  put(POSITIONS, collection(devices.map((d) => point(d.longitude, d.latitude, { device_id: d.device_id, name: nameOf(d.device_id), colour: ofDevice(d.device_id) }))));
}

/** One track above all others, with its ends. Null for none. */
export function showSelected(geometry, colour) {
  const ends = geometry ? endsOf(geometry) : [];
  put(SELECTED, collection(geometry ? [{ type: 'Feature', geometry, properties: { colour } }, ...ends] : []));
}

function endsOf({ type, coordinates }) {
  const lines = type === 'MultiLineString' ? coordinates : [coordinates];
  const first = lines[0]?.[0];
  const last = lines.at(-1)?.at(-1);
  return first && last ? [point(...first, { end: 'start' }), point(...last, { end: 'end' })] : [];
}

/** What the device reported: its line and its points. Null for none. */
export function showRaw(geometry) {
  const places = geometry ? [geometry.coordinates].flat(geometry.type === 'MultiLineString' ? 1 : 0) : [];
  put(RAW, collection(geometry ? [{ type: 'Feature', geometry, properties: {} }, ...places.map((p) => point(p[0], p[1], {}))] : []));
}

/** What lies below the tracks, see `groundOf`. */
export function showGround(ground) {
  const first = !wanted;
  if (JSON.stringify(ground) === JSON.stringify(wanted)) return;
  wanted = ground;
  if (!map || !ready) return;
  if (!first) repaint();
  else drawGround();
}

/** { zoom, lat, lon, bounds } of what is shown. */
export function currentView() {
  if (!map) return null;
  const { lng: lon, lat } = map.getCenter().wrap();
  return { zoom: map.getZoom(), lat, lon, bounds: map.getBounds().toArray().flat() };
}

/** The bounds of what the panels leave free. */
function uncovered() {
  const { clientWidth: width, clientHeight: height } = map.getContainer();
  const { top, right, bottom, left } = padding();
  const southWest = map.unproject([left - 16, height - bottom + 16]);
  const northEast = map.unproject([width - right + 16, top - 16]);
  return [southWest.lng, southWest.lat, northEast.lng, northEast.lat];
}

const MOST_ZOOM = 16.5;
const SMALL_PX = 40; // what is smaller can hardly be seen

/** The same area where the map shows it: beyond 180 degrees the world goes on. */
function beside([west, south, east, north], lon) {
  const turns = Math.round((lon - (west + east) / 2) / 360) * 360;
  return [west + turns, south, east + turns, north];
}

const isSmall = ([west, south, east, north]) => {
  const [a, b] = [map.project([west, south]), map.project([east, north])];
  return Math.max(Math.abs(a.x - b.x), Math.abs(a.y - b.y)) < SMALL_PX && map.getZoom() < MOST_ZOOM;
};

/** Show an area. Without `always` only if it is not in view already, large enough to be seen. */
export function fit(bounds, { always = true, moving = true } = {}) {
  if (!map || !bounds) return;
  if (!always) {
    const seen = uncovered();
    bounds = beside(bounds, (seen[0] + seen[2]) / 2);
    if (bounds[0] >= seen[0] && bounds[1] >= seen[1] && bounds[2] <= seen[2] && bounds[3] <= seen[3] && !isSmall(bounds)) return;
  }
  map.fitBounds(bounds, { padding: padding(), maxZoom: MOST_ZOOM, duration: calm.matches || !moving ? 0 : 450 });
}

/** Go to a place; nearer only if the map shows more than a town. */
export function easeTo(center, zoom) {
  map?.easeTo({ center, zoom: Math.max(map.getZoom(), zoom), padding: padding(), duration: calm.matches ? 0 : 450 });
}

/** [west, south, east, north] between two corners in pixels of the window. */
export function boundsBetween(topLeft, bottomRight) {
  const [a, b] = [map.unproject(topLeft), map.unproject(bottomRight)];
  const round = (degrees) => Number(degrees.toFixed(6));
  return [round(a.lng), round(b.lat), round(b.lng), round(a.lat)];
}

/** The box of what the panels leave free. */
export const freeBounds = () => (map ? uncovered() : null);

export const extentOf = (networks) => union(networks.map((n) => n.extent));

/** What lies at a place, or else close to it: a finger is not exact. */
function near({ point: { x, y } }, layers) {
  for (const reach of REACH_PX) {
    const found = map.queryRenderedFeatures([[x - reach, y - reach], [x + reach, y + reach]], { layers: layers.filter((id) => map.getLayer(id)) });
    if (found.length) return found;
  }
  return [];
}

function click(event, handlers) {
  const found = near(event, CLICKABLE);
  const layer = CLICKABLE.find((name) => found.some((f) => f.layer.id === name));
  const hits = found.filter((f) => f.layer.id === layer);
  if (!hits.length) return handlers.nothing();
  if (layer === 'positions') return handlers.device(hits[0].properties.device_id);
  if (layer === 'visits') return handlers.visits(hits.map((f) => f.properties), hits[0].geometry.coordinates);
  if (layer === 'stops') return handlers.stop(hits[0].properties, hits[0].geometry.coordinates);
  // several tracks on one road: each click at the same place takes the next
  const ids = [...new Set(hits.map((f) => f.properties.track_id))];
  const again = lastClick && Math.hypot(lastClick.x - event.point.x, lastClick.y - event.point.y) < 6;
  const next = again ? ids[(ids.indexOf(lastClick.id) + 1) % ids.length] : ids[0];
  lastClick = { x: event.point.x, y: event.point.y, id: next };
  return handlers.track(next, ids.length);
}

function hover(event, handlers) {
  if (!ready) return;
  const [first] = near(event, CLICKABLE);
  map.getCanvas().style.cursor = first ? 'pointer' : '';
  handlers.hint(first?.properties ?? null, event.point, event.lngLat.wrap());
  hoverOver(['tracks', LONG].includes(first?.layer.id) ? first.properties.n ?? first.properties.track_id : null);
}

/** Mark a track by its number among those shown. */
export function hoverOver(n) {
  if (n === hovered || !map || !ready) return;
  const known = (id) => (shown.long ? { source: LONG, sourceLayer: 'tracks', id } : { source: TRACKS, id });
  if (hovered !== null) map.setFeatureState(known(hovered), { hover: false });
  if (n !== null) map.setFeatureState(known(n), { hover: true });
  hovered = n;
}

/** Small windows of text above the map. Its content is an element, never HTML. */
export function popup(lngLat, content) {
  return new globalThis.maplibregl.Popup({ closeButton: true, maxWidth: '280px', focusAfterOpen: false })
    .setLngLat(lngLat)
    .setDOMContent(content)
    .addTo(map);
}

function addImage(id) {
  if (map.hasImage(id)) return;
  if (id === 'arrow') map.addImage(id, arrow(), { pixelRatio: 2 });
  else if (id.startsWith('name:')) map.addImage(id, nameChip(id.slice(5)), { pixelRatio: 2 });
}

function canvasOf(width, height) {
  const canvas = document.createElement('canvas');
  canvas.width = width;
  canvas.height = height;
  return canvas.getContext('2d', { willReadFrequently: true }); // else reading waits for the graphics card
}

function arrow() {
  const context = canvasOf(28, 28);
  context.strokeStyle = '#fff';
  context.lineWidth = 4;
  context.lineCap = context.lineJoin = 'round';
  context.beginPath();
  context.moveTo(10, 6);
  context.lineTo(18, 14);
  context.lineTo(10, 22);
  context.stroke();
  return context.getImageData(0, 0, 28, 28);
}

/** A device's name as a picture: the map has no fonts of its own. */
function nameChip(name) {
  const c = ofMap();
  const text = name.length > 28 ? `${name.slice(0, 27)}…` : name;
  const font = '600 22px system-ui, sans-serif';
  const measure = canvasOf(1, 1);
  measure.font = font;
  const width = Math.ceil(measure.measureText(text).width) + 20;
  const context = canvasOf(width, 36);
  context.fillStyle = c.chip;
  context.globalAlpha = 0.88;
  context.beginPath();
  context.roundRect(0, 1, width, 34, 9);
  context.fill();
  context.globalAlpha = 1;
  context.fillStyle = c.ink;
  context.font = font;
  context.textBaseline = 'middle';
  context.fillText(text, 10, 19);
  return context.getImageData(0, 0, width, 36);
}
