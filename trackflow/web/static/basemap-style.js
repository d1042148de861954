// How the base map looks: colours and layers for tiles of the schema Shortbread, light and dark.
// Calm, as tracks lie above it: few colours, thin lines, names where there is room.

import { countryLabel } from './country-names.js';
import { LANGUAGE } from './words.js';

const COLOURS = {
  light: {
    sea: '#cddfe9', land: '#f4f2ec', water: '#cddfe9', forest: '#dde7d3', grass: '#e5ecda', farm: '#f0eee1', built: '#edeae3', work: '#eae6e2',
    sand: '#f2ead2', building: '#e3dfd6', pier: '#ece9e2', casing: '#d3cdc0', small: '#ffffff', main: '#ffffff', big: '#fae5b8', bigCasing: '#dcbd7c',
    path: '#c8bfae', rail: '#bdb7ac', ferry: '#9dbccd', border: '#a89aa8',
    ink: '#38424e', quiet: '#69737e', street: '#5d6671', halo: '#faf8f4', waterInk: '#5f8aa6', greenInk: '#60815a', stopInk: '#7d5a86',
  },
  dark: {
    sea: '#152230', land: '#14181e', water: '#152230', forest: '#172019', grass: '#19221b', farm: '#181d1b', built: '#191e25', work: '#1b2027',
    sand: '#24221c', building: '#20272f', pier: '#1a2027', casing: '#0c1015', small: '#303944', main: '#3b4654', big: '#4f4a38', bigCasing: '#0c1015',
    path: '#323a44', rail: '#3a424c', ferry: '#2f4a60', border: '#6a5f70',
    ink: '#c3ccd6', quiet: '#8b96a3', street: '#98a3b0', halo: '#10141a', waterInk: '#5d87a3', greenInk: '#6e8f68', stopInk: '#a98bb3',
  },
};

const REGULAR = ['system-ui', 'sans-serif'];
const BOLD = ['Semibold', 'system-ui', 'sans-serif']; // the first name says the weight, the next ones the font

const byZoom = (...stops) => ['interpolate', ['exponential', 1.4], ['zoom'], ...stops];
const evenly = (...stops) => ['interpolate', ['linear'], ['zoom'], ...stops];
const kindIn = (...kinds) => ['in', ['get', 'kind'], ['literal', kinds]];
const is = (name) => ['to-boolean', ['get', name]];
const not = (condition) => ['!', condition];
const both = (...conditions) => ['all', ...conditions];
const rounded = { 'line-cap': 'round', 'line-join': 'round' };

const NAME = ['de', 'en'].includes(LANGUAGE) ? ['coalesce', ['get', `name_${LANGUAGE}`], ['get', 'name']] : ['get', 'name'];

const BIG = ['motorway', 'trunk'];
const MAIN = ['primary', 'secondary', 'tertiary'];
const SMALL = ['unclassified', 'residential', 'living_street', 'pedestrian', 'busway'];
const SERVICE = ['service'];
const PATHS = ['track', 'footway', 'path', 'cycleway', 'bridleway', 'steps'];
const RAILS = ['rail', 'narrow_gauge', 'light_rail', 'tram', 'subway', 'funicular'];

const colours = (isDark) => COLOURS[isDark ? 'dark' : 'light'];
const words = (colour, c, width = 1.4) => ({ 'text-color': colour, 'text-halo-color': c.halo, 'text-halo-width': width });

/** The whole Earth at low zooms: it lies below the extracts, so that no view is empty. */
export function world(isDark) {
  const c = colours(isDark);
  const towns = (size) => ['>=', ['get', 'population'], size];
  return [
    { id: 'world-sea', type: 'background', paint: { 'background-color': c.sea } },
    { id: 'world-land', type: 'fill', source: 'world-land', paint: { 'fill-color': c.land } },
    { id: 'world-borders', type: 'line', source: 'world-borders', layout: rounded, paint: { 'line-color': c.border, 'line-width': byZoom(1, 0.5, 6, 1.2), 'line-opacity': evenly(8, 0.7, 10, 0.25) } },
    {
      id: 'world-towns', type: 'symbol', source: 'world-places', minzoom: 2.5, maxzoom: 10,
      filter: both(['==', ['get', 'kind'], 'town'], ['step', ['zoom'], towns(8e6), 3.5, towns(3e6), 4.5, towns(1e6), 5.5, towns(4e5), 6.5, true]),
      layout: { 'text-field': NAME, 'text-font': REGULAR, 'text-size': evenly(3, 10.5, 8, 13.5), 'symbol-sort-key': ['-', 0, ['get', 'population']], 'text-padding': 6, 'text-max-width': 8 },
      paint: words(c.quiet, c),
    },
    {
      id: 'world-countries', type: 'symbol', source: 'world-places', minzoom: 1, maxzoom: 7,
      filter: both(['==', ['get', 'kind'], 'country'], ['step', ['zoom'], ['>=', ['get', 'width'], 12], 2, ['>=', ['get', 'width'], 5], 3, ['>=', ['get', 'width'], 2.4], 4, ['>=', ['get', 'width'], 1], 5, true]),
      layout: { 'text-field': countryLabel(), 'text-font': BOLD, 'text-size': evenly(1, 10, 6, 16), 'symbol-sort-key': ['-', 0, ['get', 'width']], 'text-padding': 4, 'text-max-width': 7, 'text-letter-spacing': 0.06 },
      paint: words(c.ink, c, 1.6),
    },
  ];
}

function areas(source, c) {
  const fill = (id, layer, color, filter, extra = {}) => ({ id, type: 'fill', source, 'source-layer': layer, ...(filter ? { filter } : {}), paint: { 'fill-color': color, ...extra } });
  return [
    fill('covered', 'covered', c.land),
    fill('land-built', 'land', c.built, kindIn('residential')),
    fill('land-work', 'land', c.work, kindIn('commercial', 'retail', 'industrial', 'railway', 'quarry')),
    fill('land-farm', 'land', c.farm, kindIn('farmland', 'orchard', 'vineyard')),
    fill('land-green', 'land', c.grass, kindIn('grass', 'meadow', 'grassland', 'heath', 'scrub', 'wetland', 'village_green', 'recreation_ground', 'allotments', 'cemetery', 'park', 'garden', 'golf_course', 'pitch', 'playground')),
    fill('land-forest', 'land', c.forest, kindIn('forest', 'wood')),
    fill('land-sand', 'land', c.sand, kindIn('beach', 'sand', 'bare_rock')),
    fill('land-sites', 'sites', c.work),
    fill('ocean', 'ocean', c.sea),
    fill('water', 'water_polygons', c.water),
    { id: 'water-lines', type: 'line', source, 'source-layer': 'water_lines', filter: not(is('tunnel')), layout: rounded, paint: { 'line-color': c.water, 'line-width': ['interpolate', ['exponential', 1.5], ['zoom'], 9, ['case', kindIn('river', 'canal'), 0.8, 0.2], 18, ['case', kindIn('river', 'canal'), 16, 4]] } },
    fill('piers', 'pier_polygons', c.pier),
    { id: 'pier-lines', type: 'line', source, 'source-layer': 'pier_lines', paint: { 'line-color': c.pier, 'line-width': byZoom(13, 1, 18, 8) } },
    fill('squares', 'street_polygons', c.small, null, { 'fill-outline-color': c.casing }),
    { id: 'buildings', type: 'fill', source, 'source-layer': 'buildings', minzoom: 14, paint: { 'fill-color': c.building, 'fill-opacity': evenly(14, 0, 14.6, 1) } },
  ];
}

function lines(source, c) {
  const street = (id, kinds, color, width, extra = {}) => ({
    id, type: 'line', source, 'source-layer': 'streets', filter: both(kindIn(...kinds), not(is('tunnel'))), layout: rounded, paint: { 'line-color': color, 'line-width': width }, ...extra,
  });
  const tunnel = (id, kinds, width) => ({
    id, type: 'line', source, 'source-layer': 'streets', filter: both(kindIn(...kinds), is('tunnel')), paint: { 'line-color': c.casing, 'line-width': width, 'line-dasharray': [2, 1.5] },
  });
  return [
    tunnel('tunnels', [...BIG, ...MAIN, ...SMALL], byZoom(12, 0.8, 16, 2.4)),
    { id: 'ferries', type: 'line', source, 'source-layer': 'ferries', paint: { 'line-color': c.ferry, 'line-width': 1.1, 'line-dasharray': [4, 3] } },
    street('runways', ['runway', 'taxiway'], c.small, byZoom(11, 1, 17, 30)),
    street('paths', PATHS, c.path, byZoom(13, 0.5, 18, 2.6), { minzoom: 13, layout: { 'line-join': 'round' }, paint: { 'line-color': c.path, 'line-width': byZoom(13, 0.5, 18, 2.6), 'line-dasharray': [2.4, 1.4] } }),
    street('service-casing', SERVICE, c.casing, byZoom(14, 1.4, 18, 9), { minzoom: 14 }),
    street('small-casing', SMALL, c.casing, byZoom(12, 1, 15, 5, 18, 15), { minzoom: 13 }),
    street('main-casing', MAIN, c.casing, byZoom(8, 0.6, 12, 2.4, 15, 7.4, 18, 20)),
    street('big-casing', BIG, c.bigCasing, byZoom(5, 0.8, 12, 3.6, 15, 9, 18, 24), { minzoom: 8 }),
    street('service', SERVICE, c.small, byZoom(14, 0.7, 18, 7), { minzoom: 13.5 }),
    street('small', SMALL, c.small, byZoom(12, 0.6, 15, 3.6, 18, 13)),
    street('main', MAIN, c.main, byZoom(8, 0.5, 12, 1.5, 15, 5.6, 18, 18)),
    street('big', BIG, c.big, byZoom(5, 0.6, 12, 2.4, 15, 7, 18, 22)),
    street('rails', RAILS, c.rail, byZoom(8, 0.4, 14, 1, 18, 2.4)),
    { ...street('rail-ties', ['rail', 'narrow_gauge', 'light_rail'], c.rail, byZoom(13, 2.4, 18, 7)), minzoom: 13, layout: {}, paint: { 'line-color': c.rail, 'line-width': byZoom(13, 2.4, 18, 7), 'line-dasharray': [0.4, 3] } },
    { id: 'borders', type: 'line', source, 'source-layer': 'boundaries', minzoom: 7, filter: not(is('maritime')), layout: rounded, paint: { 'line-color': c.border, 'line-width': ['case', ['<=', ['get', 'admin_level'], 2], 1.4, 0.8], 'line-opacity': 0.7, 'line-dasharray': [3, 2] } },
  ];
}

function names(source, c) {
  const label = (id, layer, minzoom, layout, paint, filter) => ({
    id, type: 'symbol', source, 'source-layer': layer, minzoom, ...(filter ? { filter } : {}),
    layout: { 'text-field': NAME, 'text-font': REGULAR, 'text-max-width': 8, 'text-padding': 4, ...layout }, paint,
  });
  const along = { 'symbol-placement': 'line', 'text-max-angle': 35, 'symbol-spacing': 320 };
  const place = (id, kinds, minzoom, maxzoom, size, colour, extra = {}) => ({
    ...label(id, 'place_labels', minzoom, { 'text-size': size, 'symbol-sort-key': ['-', 0, ['to-number', ['get', 'population'], 0]], ...extra }, words(colour, c, 1.6), kindIn(...kinds)), maxzoom,
  });
  return [
    label('water-line-names', 'water_lines_labels', 13, { ...along, 'text-size': 11.5, 'text-letter-spacing': 0.05 }, words(c.waterInk, c, 1)),
    label('street-names', 'street_labels', 12, { ...along, 'text-size': evenly(12, 10, 15, 11.5, 18, 14) }, words(c.street, c, 1.5), kindIn(...BIG, ...MAIN, ...SMALL, ...SERVICE)),
    label('path-names', 'street_labels', 15.5, { ...along, 'text-size': 11 }, words(c.quiet, c), kindIn(...PATHS)),
    label('refs', 'street_labels', 8, { 'symbol-placement': 'line', 'text-field': ['get', 'ref'], 'text-font': BOLD, 'text-size': 10, 'text-rotation-alignment': 'viewport', 'symbol-spacing': 400, 'text-padding': 20 }, words(c.quiet, c, 2), both(kindIn(...BIG), ['has', 'ref'])),
    label('square-names', 'street_polygons_labels', 15, { 'text-size': 11.5 }, words(c.street, c)),
    label('park-names', 'land_labels', 14, { 'text-size': 11.5 }, words(c.greenInk, c)),
    label('stop-names', 'public_transport', 14.5, { 'text-size': 11, 'text-anchor': 'top', 'text-offset': [0, 0.35] }, words(c.stopInk, c), kindIn('station', 'halt')),
    label('water-names', 'water_polygons_labels', 11, { 'text-size': 12, 'text-letter-spacing': 0.05 }, words(c.waterInk, c, 1)),
    place('quarters', ['quarter', 'neighbourhood', 'locality', 'isolated_dwelling', 'island'], 13, 17, 11.5, c.quiet),
    place('suburbs', ['suburb', 'hamlet'], 11, 16.5, evenly(11, 11, 15, 14), c.quiet, { 'text-letter-spacing': 0.04 }),
    place('villages', ['village'], 10, 16, evenly(10, 11, 15, 15), c.ink),
    place('towns', ['town'], 7.5, 15, evenly(7, 11.5, 14, 17), c.ink, { 'text-font': BOLD }),
    place('cities', ['capital', 'city'], 4, 14, evenly(4, 11.5, 10, 16, 14, 20), c.ink, { 'text-font': BOLD }),
  ];
}

/** All layers for vector tiles of the schema Shortbread: areas, lines, names. */
export function drawn(source, isDark) {
  const c = colours(isDark);
  const ground = source === 'base' ? [] : [{ id: 'ground', type: 'background', paint: { 'background-color': c.land } }];
  return [...ground, ...areas(source, c), ...lines(source, c), ...names(source, c)];
}

/** Layers for vector tiles of the schemas OpenMapTiles and Protomaps; what a tile lacks is not drawn. */
export function foreign(source, isDark) {
  const c = colours(isDark);
  const layer = (id, type, of, more) => ({ id: `other-${id}`, type, source, 'source-layer': of, ...more });
  const street = (id, of, filter, width, color) => layer(id, 'line', of, { filter, layout: rounded, paint: { 'line-color': color, 'line-width': width } });
  const text = (id, of, layout, colour, more = {}) => layer(id, 'symbol', of, { layout: { 'text-field': NAME, 'text-font': REGULAR, 'text-size': 12, 'text-padding': 4, ...layout }, paint: words(colour, c), ...more });
  const classIn = (...names_) => ['in', ['get', 'class'], ['literal', names_]];
  const green = ['in', ['coalesce', ['get', 'class'], ['get', 'kind']], ['literal', ['wood', 'grass', 'forest', 'park', 'nature_reserve', 'cemetery', 'national_park']]];
  const along = { 'symbol-placement': 'line', 'text-size': 11 };
  const placeSize = ['case', ['in', ['coalesce', ['get', 'class'], ['get', 'kind']], ['literal', ['country', 'city', 'locality']]], 14, 11.5];
  return [
    layer('earth', 'fill', 'earth', { paint: { 'fill-color': c.land } }),
    ...['landcover', 'landuse'].map((of) => layer(of, 'fill', of, { filter: green, paint: { 'fill-color': c.grass } })),
    layer('water', 'fill', 'water', { filter: ['==', ['geometry-type'], 'Polygon'], paint: { 'fill-color': c.water } }),
    layer('waterway', 'line', 'waterway', { paint: { 'line-color': c.water, 'line-width': byZoom(9, 0.5, 16, 4) } }),
    ...['building', 'buildings'].map((of) => layer(`is-${of}`, 'fill', of, { minzoom: 14, filter: ['==', ['geometry-type'], 'Polygon'], paint: { 'fill-color': c.building } })),
    street('minor', 'transportation', classIn('minor', 'service', 'path', 'track'), byZoom(12, 0.5, 18, 10), c.casing),
    street('major', 'transportation', classIn('primary', 'secondary', 'tertiary', 'trunk'), byZoom(8, 0.5, 18, 16), c.casing),
    street('motorway', 'transportation', classIn('motorway'), byZoom(5, 0.6, 18, 20), c.bigCasing),
    street('their-minor', 'roads', kindIn('minor_road', 'path', 'other'), byZoom(12, 0.5, 18, 10), c.casing),
    street('their-major', 'roads', kindIn('major_road'), byZoom(8, 0.5, 18, 16), c.casing),
    street('their-motorway', 'roads', kindIn('highway'), byZoom(5, 0.6, 18, 20), c.bigCasing),
    ...['boundary'].map((of) => layer(of, 'line', of, { filter: ['<=', ['get', 'admin_level'], 4], paint: { 'line-color': c.border, 'line-width': 0.9, 'line-dasharray': [3, 2] } })),
    text('street-names', 'transportation_name', along, c.street, { minzoom: 13 }),
    text('road-names', 'roads', along, c.street, { minzoom: 13 }),
    text('place', 'place', { 'text-size': placeSize, 'symbol-sort-key': ['coalesce', ['get', 'rank'], 99] }, c.ink),
    text('places', 'places', { 'text-size': placeSize, 'symbol-sort-key': ['coalesce', ['get', 'min_zoom'], 99] }, c.ink),
  ];
}

/** The engine's road tiles, where a network has no map of its own: lines with speeds, no names. */
export function roadsOnly(source, isDark) {
  const c = colours(isDark);
  const road = (id, filter, color, width, minzoom = 12) => ({ id: `road-${id}`, type: 'line', source, 'source-layer': 'speeds', minzoom, filter, layout: rounded, paint: { 'line-color': color, 'line-width': width } });
  const slow = ['<', ['get', 'speed'], 35];
  const main = both(['>=', ['get', 'speed'], 35], ['<', ['get', 'speed'], 65]);
  const big = ['>=', ['get', 'speed'], 65];
  return [
    road('slow-casing', slow, c.casing, byZoom(12, 1, 15, 4.2, 18, 13), 13),
    road('main-casing', main, c.casing, byZoom(12, 2.4, 15, 7, 18, 18)),
    road('big-casing', big, c.bigCasing, byZoom(12, 3.2, 15, 8.5, 18, 22)),
    road('slow', slow, c.small, byZoom(12, 0.6, 15, 2.8, 18, 11)),
    road('main', main, c.main, byZoom(12, 1.4, 15, 5, 18, 16)),
    road('big', big, c.big, byZoom(12, 2.2, 15, 7, 18, 20)),
  ];
}
