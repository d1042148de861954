// The map's style above the ground (see basemap.js): what lies above what, and how it is drawn.

import { ofMap } from './colours.js';
import { NOTHING } from './geometry.js';

const byZoom = (...stops) => ['interpolate', ['exponential', 1.4], ['zoom'], ...stops];
const rounded = { 'line-cap': 'round', 'line-join': 'round' };
const chosen = (yes, no) => ['case', ['boolean', ['feature-state', 'hover'], false], yes, no];

const LINES = ['!=', ['geometry-type'], 'Point'];

export const TRACKS = 'tracks';
export const LONG = 'long';
export const STOPS = 'stops';
export const VISITS = 'visits';
export const POSITIONS = 'positions';
export const SELECTED = 'selected';
export const RAW = 'raw';

/** The layers that a click looks at, the first ones first. */
export const CLICKABLE = ['positions', 'visits', 'stops', 'tracks', 'long'];

/** The source of a long range's tiles. */
export const longSource = ({ address, highest }) => ({ type: 'vector', tiles: [`${location.origin}${address}`], maxzoom: highest, promoteId: 'track_id' });

/** The layers of a long range: lines in the colours of an expression, or how often a place was passed. */
export function longLayers({ show, colour, faint }) {
  const c = ofMap();
  if (show === 'often') {
    return [{
      id: 'long-often', type: 'heatmap', source: LONG, 'source-layer': 'often',
      paint: {
        'heatmap-weight': ['interpolate', ['linear'], ['ln', ['get', 'n']], 0, 0.12, 3, 0.4, 7, 1],
        'heatmap-radius': ['interpolate', ['exponential', 2], ['zoom'], 0, 5, 14, 5, 18, 80],
        'heatmap-color': ['interpolate', ['linear'], ['heatmap-density'], 0, `${c.heat[0]}00`, ...c.heat.flatMap((one, k) => [[0.05, 0.35, 0.65, 1][k], one])],
        'heatmap-opacity': faint ? 0.4 : 0.9,
      },
    }];
  }
  return [
    {
      id: 'long-halo', type: 'line', source: LONG, 'source-layer': 'tracks', layout: rounded,
      paint: { 'line-color': c.halo, 'line-opacity': 0.5, 'line-width': byZoom(5, 2, 9, 2.4, 13, 4.2, 17, 8) },
    },
    {
      id: 'long', type: 'line', source: LONG, 'source-layer': 'tracks', layout: rounded,
      paint: {
        'line-color': colour,
        'line-opacity': faint ? 0.25 : chosen(1, 0.75),
        'line-width': byZoom(5, chosen(3, 1.4), 9, chosen(3.4, 1.4), 13, chosen(5, 2.4), 17, chosen(9, 5)),
      },
    },
  ];
}

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
      ...(data.long && { [LONG]: longSource(data.long) }),
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
      ...(data.long ? longLayers(data.long) : []),
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
