// What lies below the tracks: the own base map, the world around it, or somebody else's tiles.
// Labels are drawn with the reader's own fonts: there are no glyph files, and no script is missing.

import { DEADLINE_MS } from './api.js';
import { dark } from './colours.js';
import { drawn, foreign, roadsOnly, world } from './basemap-style.js';

const WORLD = '/static/world/';
const TILE = '/tiles/base/{z}/{x}/{y}.mvt?version=';
const ROADS = '/tiles/roads/{z}/{x}/{y}.mvt';
const OSM = '<a href="https://www.openstreetmap.org/copyright" target="_blank" rel="noopener">© OpenStreetMap contributors</a>';
const EARTH = '<a href="https://www.naturalearthdata.com" target="_blank" rel="noopener">Natural Earth</a>, <a href="https://www.geonames.org" target="_blank" rel="noopener">GeoNames</a>';
const MARGIN_DEGREES = 0.03; // tiles know a little more than the roads' extent

/** The layers of tracks that a ground's areas and lines, and its names, are put below. */
const BELOW = 'tracks-halo';
const NAMES_BELOW = 'selected-halo';

/** The networks of an answer (null for none) that say where they are. */
export const withExtent = (found) => (found?.data.networks ?? []).filter((n) => n.extent?.every(Number.isFinite));

/** What `groundOf` takes, from the page's settings and the answer with the networks. */
export const groundWanted = (settings, networks) => ({ extents: withExtent(networks).map((n) => n.extent), version: settings.base_map ?? '', address: settings.tiles_url ?? '' });

const absolute = (path) => location.origin + path;

function boundsOf(extents) {
  const edge = (k, of) => of(...extents.map((extent) => extent[k]));
  return [
    edge(0, Math.min) - MARGIN_DEGREES, edge(1, Math.min) - MARGIN_DEGREES,
    edge(2, Math.max) + MARGIN_DEGREES, edge(3, Math.max) + MARGIN_DEGREES,
  ];
}

/** Sources and layers of the own map: the world, and the extracts or at least their roads. */
function own({ extents, version }) {
  const file = (name, attribution) => ({ type: 'geojson', data: absolute(`${WORLD}${name}.geojson`), maxzoom: 8, tolerance: 0.2, attribution });
  const sources = { 'world-land': file('land', EARTH), 'world-borders': file('borders'), 'world-places': file('places') };
  const layers = world(dark.matches);
  if (version && extents.length) {
    sources.base = { type: 'vector', tiles: [absolute(TILE + version)], minzoom: 4, maxzoom: 14, bounds: boundsOf(extents), attribution: OSM };
    layers.push(...drawn('base', dark.matches));
  } else if (extents.length) {
    sources.roads = { type: 'vector', tiles: [absolute(ROADS)], minzoom: 12, maxzoom: 15, bounds: boundsOf(extents), attribution: OSM };
    layers.push(...roadsOnly('roads', dark.matches));
  }
  return { sources, layers };
}

const pathOf = (address) => new URL(address.replaceAll(/[{}]/g, '')).pathname;

/** Whose tiles these are: a provider's terms want to be named. */
function provider(address) {
  const { hostname, origin } = new URL(address.replaceAll(/[{}]/g, ''));
  if (/(^|\.)openstreetmap\.org$/.test(hostname)) return OSM;
  const link = document.createElement('a');
  Object.assign(link, { href: origin, target: '_blank', rel: 'noopener', textContent: hostname });
  return link.outerHTML;
}

const pictures = (source) => ({
  sources: { tiles: source },
  layers: [{ id: 'tiles', type: 'raster', source: 'tiles', paint: { 'raster-saturation': -0.35, 'raster-fade-duration': 0, ...(dark.matches ? { 'raster-brightness-max': 0.7 } : {}) } }],
});
const vectors = (source) => ({ sources: { tiles: source }, layers: [...drawn('tiles', dark.matches), ...foreign('tiles', dark.matches)] });

/** MapLibre's way to read PMTiles, loaded when an address needs it. */
async function archive(address) {
  const { pmtiles } = globalThis.pmtiles ? globalThis : await new Promise((done, refused) => {
    const script = document.createElement('script');
    script.src = '/static/pmtiles/dist/pmtiles.js';
    script.onload = () => done(globalThis);
    script.onerror = () => refused(new Error('the reader of PMTiles does not come'));
    document.head.append(script);
  });
  const opened = new pmtiles.PMTiles(address);
  const protocol = new pmtiles.Protocol({ metadata: true });
  protocol.add(opened);
  globalThis.maplibregl.addProtocol('pmtiles', protocol.tile);
  const { tileType } = await opened.getHeader();
  const url = `pmtiles://${address}`;
  return tileType === pmtiles.TileType.Mvt ? vectors({ type: 'vector', url }) : pictures({ type: 'raster', url, tileSize: 256 });
}

/** A whole style, or a description of tiles (TileJSON). */
async function described(address) {
  const answer = await fetch(address, { referrerPolicy: 'no-referrer', signal: AbortSignal.timeout(DEADLINE_MS) });
  if (!answer.ok) throw new Error(`${new URL(address).host} answers ${answer.status}`);
  const found = await answer.json();
  if (found.tilejson) return found.vector_layers ? vectors({ type: 'vector', url: address }) : pictures({ type: 'raster', url: address, tileSize: 256 });
  const layers = found.layers.map((layer) => ({ ...layer, id: `tiles-${layer.id}` }));
  return { sources: found.sources, layers, glyphs: found.glyphs, sprite: found.sprite };
}

async function theirs(given) {
  const address = given.startsWith('/') ? absolute(given) : given;
  const path = pathOf(address);
  if (path.endsWith('.pmtiles')) return archive(address);
  if (!address.includes('{z}')) return described(address);
  const source = { tiles: [address], attribution: provider(address) };
  if (/\.(mvt|pbf)$/.test(path)) return vectors({ type: 'vector', maxzoom: 14, ...source });
  return pictures({ type: 'raster', tileSize: 256, maxzoom: 19, ...source });
}

/**
 * What to draw below the tracks. wanted: { extents, version, address }: the road networks' extents,
 * the version of the own tiles (empty: roads only), and the address of others' tiles (empty: own).
 */
export async function groundOf(wanted) {
  if (!wanted.address) return own(wanted);
  try {
    return await theirs(wanted.address);
  } catch (error) {
    console.debug('map:', error?.message);
    return own(wanted); // a provider that is away leaves no empty sheet
  }
}

/** Put a ground below a layer; its names below another, as a town's name matters more than a line. */
export function addGround(map, ground, { below = BELOW, namesBelow = NAMES_BELOW } = {}) {
  if (ground.glyphs) map.setGlyphs(ground.glyphs);
  if (ground.sprite) map.setSprite(ground.sprite);
  for (const [name, source] of Object.entries(ground.sources)) map.addSource(name, source);
  for (const layer of ground.layers) map.addLayer(layer, layer.type === 'symbol' ? namesBelow : below);
}
