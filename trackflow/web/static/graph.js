// Speed, height and accuracy along a track, linked with its line: pointing at one marks the other.

import { get } from './api.js';
import { el, fill } from './dom.js';
import { distance, exactClock, height, speed } from './format.js';
import { showSpot } from './overlay.js';
import { tr } from './words.js';

const WIDTH = 288;
const HEIGHT = 76;
const KINDS = {
  speed_kmh: [tr('Speed'), speed, tr('Speed along the track')],
  altitude_m: [tr('Height'), height, tr('Height along the track')],
  accuracy_m: [tr('Accuracy'), distance, tr('Accuracy along the track')],
};
const SVG = 'http://www.w3.org/2000/svg';

let profile = null;
let kind = 'speed_kmh';
let marker = null; // moves the line in the graph

function svg(tag, attributes) {
  const made = document.createElementNS(SVG, tag);
  for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, value);
  return made;
}

/** Load a track's profile and draw its graph into a box. */
export async function drawGraph(box, trackId) {
  if (profile?.track_id !== trackId) {
    profile = null;
    marker = null;
    try {
      profile = (await get(`/api/v1/tracks/${encodeURIComponent(trackId)}/profile`)).data;
    } catch {
      return; // the rest of the track is there without it
    }
  }
  if (!box.isConnected) return;
  const kinds = Object.keys(KINDS).filter((name) => profile[name].some((v) => v !== null));
  if (!kinds.length) return;
  if (!kinds.includes(kind)) kind = kinds[0];
  const says = el('p', { class: 'sub graph-says', 'aria-live': 'off' });
  fill(box,
    el('div', { class: 'segments', role: 'group', 'aria-label': tr('Graph of') }, kinds.map((name) =>
      el('button', { type: 'button', 'aria-pressed': name === kind, 'data-key': `graph-${name}`, on: { click: () => { kind = name; drawGraph(box, trackId); } } }, KINDS[name][0]))),
    picture(says), says);
}

function picture(says) {
  const values = profile[kind];
  const times = profile.times.map((time) => Date.parse(time));
  const [first, last] = [times[0], times.at(-1)];
  const known = values.filter((v) => v !== null);
  const most = known.reduce((a, b) => Math.max(a, b));
  const least = kind === 'altitude_m' ? known.reduce((a, b) => Math.min(a, b)) : 0;
  const x = (k) => ((times[k] - first) / Math.max(1, last - first)) * WIDTH;
  const y = (v) => HEIGHT - 2 - ((v - least) / Math.max(1e-9, most - least)) * (HEIGHT - 6);
  let path = '';
  values.forEach((v, k) => {
    if (v !== null) path += `${path && values[k - 1] !== null && k > 0 ? 'L' : 'M'}${x(k).toFixed(1)} ${y(v).toFixed(1)}`;
  });
  const words = KINDS[kind][1];
  const line = svg('line', { y1: 0, y2: HEIGHT, class: 'graph-mark', visibility: 'hidden' });
  const drawn = svg('svg', { viewBox: `0 0 ${WIDTH} ${HEIGHT}`, class: 'graph', role: 'slider', tabindex: '0', preserveAspectRatio: 'none', 'aria-label': KINDS[kind][2], 'aria-valuemin': 0, 'aria-valuemax': values.length - 1, 'aria-valuenow': 0 });
  drawn.append(svg('path', { d: path, class: 'graph-line', 'vector-effect': 'non-scaling-stroke' }), line);
  const overall = `${words(least)} – ${words(most)}`;
  let at = 0;
  const mark = (k) => {
    line.setAttribute('visibility', k === null ? 'hidden' : 'visible');
    says.textContent = overall;
    if (k === null) return;
    at = k;
    line.setAttribute('x1', x(k));
    line.setAttribute('x2', x(k));
    says.textContent = [exactClock(profile.times[k]), distance(profile.along_m[k]), values[k] === null ? '–' : words(values[k])].join(' · ');
    drawn.setAttribute('aria-valuenow', k);
    drawn.setAttribute('aria-valuetext', says.textContent);
  };
  const both = (k) => {
    mark(k);
    showSpot(k === null ? null : [profile.longitudes[k], profile.latitudes[k]]);
  };
  marker = mark;
  mark(null);
  drawn.addEventListener('pointermove', (event) => {
    const box = drawn.getBoundingClientRect();
    const time = first + ((event.clientX - box.left) / box.width) * (last - first);
    both(nearestTime(times, time));
  });
  drawn.addEventListener('pointerleave', () => both(null));
  drawn.addEventListener('blur', () => both(null));
  drawn.addEventListener('keydown', (event) => {
    const to = { ArrowLeft: at - 1, ArrowRight: at + 1, Home: 0, End: times.length - 1 }[event.key];
    if (to === undefined) return;
    event.preventDefault();
    both(Math.max(0, Math.min(times.length - 1, to)));
  });
  return drawn;
}

function nearestTime(times, time) {
  let low = 0;
  let high = times.length - 1;
  while (high - low > 1) {
    const middle = (low + high) >> 1;
    if (times[middle] <= time) low = middle;
    else high = middle;
  }
  return time - times[low] < times[high] - time ? low : high;
}

/** What a profile says of the point that is nearest to a place; of the open track it is marked in the graph. */
export function nearestPoint(of, { lng, lat }, isOpen) {
  const across = Math.cos((lat * Math.PI) / 180);
  let best = null;
  of.longitudes.forEach((lon, k) => {
    const away = Math.hypot((((lon - lng + 540) % 360) - 180) * across, of.latitudes[k] - lat);
    if (best === null || away < best.away) best = { away, k };
  });
  if (!best) return null;
  if (isOpen && profile?.track_id === of.track_id) marker?.(best.k);
  return { time: of.times[best.k], speed: of.speed_kmh[best.k] };
}

export const unmark = () => marker?.(null);
