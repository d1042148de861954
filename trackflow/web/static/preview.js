// The first picture: tracks on a plain canvas, exactly where the map will draw them. It is there
// while MapLibre still starts, which takes a while on slow machines.

import { ofMap } from './colours.js';

const TILE = 512;
const CLOSEST = 16.5;
const NEAR_PX = 3;

export const x = (lon) => (lon + 180) / 360;
export const y = (lat) => 0.5 - Math.log(Math.tan(Math.PI / 4 + (lat * Math.PI) / 360)) / (2 * Math.PI);
const lonOf = (place) => place * 360 - 180;
const latOf = (place) => (Math.atan(Math.exp((0.5 - place) * 2 * Math.PI)) * 360) / Math.PI - 90;

const wrapped = (lon) => (((lon + 180) % 360) + 360) % 360 - 180;

/** The map's view { zoom, lat, lon } that shows bounds in a container, but for its padding. */
export function viewOf([west, south, east, north], container, { top, right, bottom, left }) {
  const width = Math.max(50, container.clientWidth - left - right);
  const height = Math.max(50, container.clientHeight - top - bottom);
  const across = Math.max(1e-9, x(east) - x(west));
  const down = Math.max(1e-9, y(south) - y(north));
  const zoom = Math.max(0, Math.min(CLOSEST, Math.log2(width / across / TILE), Math.log2(height / down / TILE)));
  const scale = TILE * 2 ** zoom;
  return {
    zoom,
    lon: wrapped(lonOf((x(west) + x(east)) / 2 + (right - left) / 2 / scale)),
    lat: latOf((y(south) + y(north)) / 2 + (bottom - top) / 2 / scale),
  };
}

/** Metres in a pixel of the map. */
export const pixelM = ({ zoom, lat }) => (40075016 * Math.cos((lat * Math.PI) / 180)) / (TILE * 2 ** zoom);

/** Add a line to the path. What lies within a pixel or two of the last vertex would not be seen. */
function trace(context, line, placeOf) {
  let [px, py] = placeOf(line[0]);
  context.moveTo(px, py);
  for (let k = 1; k < line.length; k += 1) {
    const [qx, qy] = placeOf(line[k]);
    if (k < line.length - 1 && Math.abs(qx - px) + Math.abs(qy - py) < NEAR_PX) continue;
    context.lineTo(qx, qy);
    [px, py] = [qx, qy];
  }
}

/** Draw tracks as the map at `view` will. Resolves when they can be seen; gives the canvas. */
export async function drawPreview(container, tracks, view) {
  const { clientWidth: width, clientHeight: height } = container;
  const ratio = Math.min(2, devicePixelRatio);
  const canvas = document.createElement('canvas');
  canvas.className = 'preview';
  canvas.width = width * ratio;
  canvas.height = height * ratio;
  const context = canvas.getContext('2d');
  const scale = TILE * 2 ** view.zoom;
  const [dx, dy] = [width / 2 - x(view.lon) * scale, height / 2 - y(view.lat) * scale];
  context.scale(ratio, ratio);
  context.fillStyle = ofMap().background;
  context.fillRect(0, 0, width, height);
  context.lineWidth = view.zoom < 11 ? 2 : 3;
  context.lineJoin = context.lineCap = 'round';
  context.globalAlpha = 0.82;
  for (const { geometry, properties } of tracks) {
    context.strokeStyle = properties.colour;
    context.beginPath();
    for (const line of geometry.type === 'MultiLineString' ? geometry.coordinates : [geometry.coordinates]) {
      trace(context, line, ([lon, lat]) => [x(view.lon + wrapped(lon - view.lon)) * scale + dx, y(lat) * scale + dy]);
    }
    context.stroke();
  }
  container.append(canvas);
  // the frame after the next one comes when this one has been shown; not at all in a hidden tab
  const seen = new Promise((done) => { requestAnimationFrame(() => requestAnimationFrame(done)); });
  await Promise.race([seen, new Promise((done) => { setTimeout(done, 300); })]);
  return canvas;
}
