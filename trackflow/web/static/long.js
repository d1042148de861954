// Long ranges with many tracks: vector tiles of the server's, and the first picture of them.

import { get, getBytes, withQuery } from './api.js';
import { byId } from './dom.js';
import { currentView } from './map.js';
import { viewOf, x, y } from './preview.js';
import { lengthDays, moments } from './range.js';
import { panelPadding } from './sheet.js';
import { state } from './state.js';

export const LONG_DAYS = 3;
const MANY_TRACKS = 1000; // fewer are quicker as they are, and can be looked at closer
const HIGHEST_ZOOM = 14;
const EXTENT = 4096;

const asked = () => {
  const { from, to } = moments();
  return { device: state.devices, from: from.toISOString(), to: to?.toISOString() };
};

/**
 * { tracks, bounds, address, show, highest } of the range's tiles, or null if it is drawn without
 * any. The address is another one if any of the tracks has changed.
 */
export async function longTiles(signal) {
  const often = state.colour === 'often';
  if ((lengthDays() <= LONG_DAYS && !often) || state.devices?.length === 0) return null;
  const { tracks, version, bbox: bounds } = (await get(withQuery('/api/v1/tracks/extent', { ...asked(), show: state.colour }), { signal })).data;
  if (!tracks || (tracks <= MANY_TRACKS && !often)) return null;
  const address = `/tiles/tracks/{z}/{x}/{y}.mvt?${withQuery('', { ...asked(), show: state.colour, version }).slice(1)}`;
  return { tracks, bounds, address, show: state.colour, highest: HIGHEST_ZOOM };
}

/** The tiles that show a view in a box: { zoom, column, row }. */
export function tilesOf(view, { clientWidth: width, clientHeight: height }, highest = HIGHEST_ZOOM) {
  const zoom = Math.max(0, Math.min(highest, Math.floor(view.zoom)));
  const size = 2 ** zoom;
  const [across, down] = [width, height].map((px) => px / 512 / 2 ** (view.zoom - zoom) / 2);
  const [cx, cy] = [x(view.lon) * size, y(view.lat) * size];
  const found = [];
  for (let row = Math.max(0, Math.floor(cy - down)); row <= Math.min(size - 1, Math.floor(cy + down)); row += 1) {
    for (let column = Math.max(0, Math.floor(cx - across)); column <= Math.min(size - 1, Math.floor(cx + across)); column += 1) found.push({ zoom, column, row });
  }
  return found;
}

/** Features of a view's tiles as GeoJSON, for the first picture: the map itself reads tiles anew from the browser's memory. */
export async function firstLines(long) {
  const box = byId('map');
  const view = state.view ?? currentView() ?? viewOf(long.bounds, box, panelPadding());
  const wanted = tilesOf(view, box, long.highest);
  const found = await Promise.all(wanted.map((tile) => {
    const address = long.address.replace('{z}', tile.zoom).replace('{x}', tile.column).replace('{y}', tile.row);
    return getBytes(address).then((bytes) => linesOf(bytes, tile), () => []);
  }));
  return { view, features: found.flat() };
}

// ---- vector tiles: as much of them as a picture needs ----------------------------------------

/** The fields of a message as [number, value]: a number, or the bytes of what has a length. */
function* fields(bytes) {
  let at = 0;
  const varint = () => {
    let value = 0;
    for (let scale = 1; ; scale *= 128) {
      const byte = bytes[at];
      at += 1;
      value += (byte & 127) * scale;
      if (byte < 128) return value;
    }
  };
  while (at < bytes.length) {
    const key = varint();
    const number = varint();
    if ((key & 7) === 0) yield [key >> 3, number];
    else {
      yield [key >> 3, bytes.subarray(at, at + number)];
      at += number;
    }
  }
}

function numbersOf(bytes) {
  const found = [];
  for (let at = 0, value = 0, shift = 0; at < bytes.length; at += 1) {
    value |= (bytes[at] & 127) << shift;
    shift += 7;
    if (bytes[at] < 128) {
      found.push(value >>> 0);
      value = shift = 0;
    }
  }
  return found;
}

function linesOf(tile, place) {
  const found = [];
  for (const [number, layer] of fields(tile)) if (number === 3) found.push(...layerLines(layer, place));
  return found;
}

function layerLines(layer, place) {
  const text = new TextDecoder();
  const [features, keys, values] = [[], [], []];
  for (const [number, body] of fields(layer)) {
    if (number === 2) features.push(body);
    if (number === 3) keys.push(text.decode(body));
    if (number === 4) for (const [kind, value] of fields(body)) values.push(kind === 1 ? text.decode(value) : value);
  }
  return features.map((feature) => {
    const parts = new Map(fields(feature));
    const tags = numbersOf(parts.get(2) ?? new Uint8Array());
    const properties = {};
    for (let k = 0; k < tags.length; k += 2) properties[keys[tags[k]]] = values[tags[k + 1]];
    return { type: 'Feature', properties, geometry: { type: parts.get(3) === 2 ? 'MultiLineString' : 'MultiPoint', coordinates: shapeOf(numbersOf(parts.get(4)), parts.get(3), place) } };
  });
}

function shapeOf(numbers, kind, { zoom, column, row }) {
  const size = EXTENT * 2 ** zoom;
  const degrees = (px, py) => {
    const [u, v] = [(px + column * EXTENT) / size, (py + row * EXTENT) / size];
    return [u * 360 - 180, (Math.atan(Math.exp((0.5 - v) * 2 * Math.PI)) * 360) / Math.PI - 90];
  };
  const lines = [];
  let [px, py, at] = [0, 0, 0];
  while (at < numbers.length) {
    const command = numbers[at];
    at += 1;
    for (let k = command >> 3; k > 0; k -= 1) {
      px += (numbers[at] >>> 1) ^ -(numbers[at] & 1);
      py += (numbers[at + 1] >>> 1) ^ -(numbers[at + 1] & 1);
      at += 2;
      if ((command & 7) === 1) lines.push([]);
      lines.at(-1).push(degrees(px, py));
    }
  }
  return kind === 2 ? lines : lines.flat();
}
