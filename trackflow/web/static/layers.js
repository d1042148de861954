// The map's style: what lies above what, and how it is drawn. No text from fonts, so no downloads.

import { ofMap } from './colours.js';
import { NOTHING } from './geometry.js';

const byZoom = (...stops) => ['interpolate', ['exponential', 1.4], ['zoom'], ...stops];
const rounded = { 'line-cap': 'round', 'line-join': 'round' };
const chosen = (yes, no) => ['case', ['boolean', ['feature-state', 'hover'], false], yes, no];

const LINES = ['!=', ['geometry-type'], 'Point'];

export const TRACKS = 'tracks';
export const STOPS = 'stops';
export const VISITS = 'visits';
export const POSITIONS = 'positions';
export const SELECTED = 'selected';
export const RAW = 'raw';

/** The layers that a click looks at, the first ones first. */
export const CLICKABLE = ['positions', 'visits', 'stops', 'tracks'];

/** The whole style, with data that is there already. */
export function style(data = {}) {
  const c = ofMap();
  return {
    version: 8,
    sources: {
      [TRACKS]: { type: 'geojson', data: data.tracks ?? NOTHING, promoteId: 'n', tolerance: 0.3, buffer: 32 },
      [STOPS]: { type: 'geojson', data: data.stops ?? NOTHING },
      [VISITS]: { type: 'geojson', data: data.visits ?? NOTHING },
      [POSITIONS]: { type: 'geojson', data: data.positions ?? NOTHING },
      [SELECTED]: { type: 'geojson', data: data.selected ?? NOTHING },
      [RAW]: { type: 'geojson', data: data.raw ?? NOTHING },
    },
    layers: [
      { id: 'background', type: 'background', paint: { 'background-color': c.background } },
      {
        id: 'tracks-halo', type: 'line', source: TRACKS, layout: rounded,
        paint: { 'line-color': c.halo, 'line-opacity': 0.6, 'line-width': byZoom(9, 2.4, 13, 4.6, 17, 9) },
      },
      {
        id: 'tracks', type: 'line', source: TRACKS, layout: rounded,
        paint: {
          'line-color': ['get', 'colour'],
          'line-opacity': chosen(1, ['case', ['==', ['get', 'faint'], true], 0.22, 0.82]),
          'line-width': byZoom(9, chosen(3.4, 1.4), 13, chosen(5, 2.6), 17, chosen(9, 5.5)),
        },
      },
      {
        id: 'selected-halo', type: 'line', source: SELECTED, filter: LINES, layout: rounded,
        paint: { 'line-color': c.selected, 'line-width': byZoom(9, 4.4, 13, 6.6, 17, 12) },
      },
      {
        id: 'selected', type: 'line', source: SELECTED, filter: LINES, layout: rounded,
        paint: { 'line-color': ['get', 'colour'], 'line-width': byZoom(9, 2.6, 13, 4.2, 17, 8.4) },
      },
      {
        id: 'selected-arrows', type: 'symbol', source: SELECTED, filter: LINES,
        layout: {
          'symbol-placement': 'line', 'symbol-spacing': 90, 'icon-image': 'arrow',
          'icon-allow-overlap': true, 'icon-ignore-placement': true, 'icon-size': byZoom(10, 0.55, 16, 0.9),
        },
      },
      {
        id: 'raw', type: 'line', source: RAW, filter: LINES, layout: rounded,
        paint: { 'line-color': c.raw, 'line-width': 1.6, 'line-dasharray': [2, 1.6] },
      },
      {
        id: 'raw-points', type: 'circle', source: RAW, filter: ['==', ['geometry-type'], 'Point'],
        paint: {
          'circle-color': c.raw, 'circle-radius': byZoom(10, 1.2, 14, 2.6, 17, 4),
          'circle-stroke-color': c.halo, 'circle-stroke-width': 0.8,
        },
      },
      {
        id: 'stops', type: 'circle', source: STOPS,
        paint: {
          'circle-color': c.stop, 'circle-radius': byZoom(9, 1.8, 13, 4, 17, 6),
          'circle-stroke-color': ['get', 'colour'], 'circle-stroke-width': byZoom(9, 1, 13, 2, 17, 2.6),
        },
      },
      {
        id: 'visits', type: 'circle', source: VISITS,
        paint: {
          'circle-color': c.visit, 'circle-opacity': 0.25, 'circle-radius': byZoom(9, 6, 13, 11, 17, 18),
          'circle-stroke-color': c.visit, 'circle-stroke-width': 2,
        },
      },
      {
        id: 'ends', type: 'circle', source: SELECTED, filter: ['==', ['geometry-type'], 'Point'],
        paint: {
          'circle-color': ['case', ['==', ['get', 'end'], 'start'], c.halo, c.selected],
          'circle-radius': 5.5, 'circle-stroke-color': c.selected, 'circle-stroke-width': 2.5,
        },
      },
      {
        id: 'positions', type: 'circle', source: POSITIONS,
        paint: {
          'circle-color': ['get', 'colour'], 'circle-radius': 6.5,
          'circle-stroke-color': c.halo, 'circle-stroke-width': 2.5,
        },
      },
      {
        id: 'position-names', type: 'symbol', source: POSITIONS, minzoom: 11,
        layout: {
          'icon-image': ['concat', 'name:', ['get', 'name']], 'icon-anchor': 'left',
          'icon-offset': [10, 0], 'icon-padding': 1,
        },
      },
    ],
  };
}

/** The engine's road tiles below everything else, and where they end. */
export function addRoads(map, extents, tilesAddress) {
  const c = ofMap();
  const below = 'tracks-halo';
  map.addSource('extents', {
    type: 'geojson',
    data: {
      type: 'FeatureCollection',
      features: extents.map(([w, s, e, n]) => ({
        type: 'Feature', properties: {},
        geometry: { type: 'Polygon', coordinates: [[[w, s], [e, s], [e, n], [w, n], [w, s]]] },
      })),
    },
  });
  map.addLayer({ id: 'extents', type: 'fill', source: 'extents', paint: { 'fill-color': c.extent, 'fill-opacity': ['interpolate', ['linear'], ['zoom'], 11, 1, 13, 0] } }, below);
  const bounds = [
    Math.min(...extents.map((x) => x[0])), Math.min(...extents.map((x) => x[1])),
    Math.max(...extents.map((x) => x[2])), Math.max(...extents.map((x) => x[3])),
  ];
  map.addSource('roads', {
    type: 'vector', tiles: [tilesAddress], minzoom: 12, maxzoom: 15, bounds,
    attribution: '© OpenStreetMap contributors',
  });
  const road = (id, filter, color, width, minzoom = 12) =>
    map.addLayer({
      id, type: 'line', source: 'roads', 'source-layer': 'speeds', minzoom, filter, layout: rounded,
      paint: { 'line-color': color, 'line-width': width },
    }, below);
  const slow = ['<', ['get', 'speed'], 35];
  const main = ['all', ['>=', ['get', 'speed'], 35], ['<', ['get', 'speed'], 65]];
  const big = ['>=', ['get', 'speed'], 65];
  road('road-slow-casing', slow, c.casing, byZoom(12, 1, 15, 4.2, 18, 13), 13);
  road('road-main-casing', main, c.casing, byZoom(12, 2.4, 15, 7, 18, 18));
  road('road-big-casing', big, c.casing, byZoom(12, 3.2, 15, 8.5, 18, 22));
  road('road-slow', slow, c.small, byZoom(12, 0.6, 15, 2.8, 18, 11));
  road('road-main', main, c.main, byZoom(12, 1.4, 15, 5, 18, 16));
  road('road-big', big, c.big, byZoom(12, 2.2, 15, 7, 18, 20));
}

/** Tiles of somebody else's server, drawn quietly: pictures, or vector tiles of the usual schemas. */
export function addBackground(map, address) {
  const c = ofMap();
  const below = map.getLayer('extents') ? 'extents' : 'tracks-halo';
  if (!/\.(mvt|pbf)(\?|$)/.test(address)) {
    map.addSource('tiles', { type: 'raster', tiles: [address], tileSize: 256, maxzoom: 19 });
    map.addLayer({ id: 'tiles', type: 'raster', source: 'tiles', paint: { 'raster-saturation': -0.35, 'raster-fade-duration': 0 } }, below);
    return;
  }
  map.addSource('tiles', { type: 'vector', tiles: [address], maxzoom: 14 });
  const layer = (type, source, paint) =>
    map.addLayer({ id: `tiles-${source}`, type, source: 'tiles', 'source-layer': source, paint }, below);
  // OpenMapTiles and Shortbread name their layers differently; what a tile lacks is not drawn
  for (const name of ['landcover', 'park', 'land']) layer('fill', name, { 'fill-color': c.green });
  for (const name of ['water', 'ocean', 'water_polygons']) layer('fill', name, { 'fill-color': c.water });
  for (const name of ['building', 'buildings']) layer('fill', name, { 'fill-color': c.building });
  for (const name of ['transportation', 'streets']) layer('line', name, { 'line-color': c.small, 'line-width': byZoom(9, 0.5, 14, 2, 18, 10) });
}
