// What the pointer is at: device, time at the nearest point, speed.

import { get } from './api.js';
import { byId, fill } from './dom.js';
import { exactClock, longDate, speed } from './format.js';
import { nearestPoint, unmark } from './graph.js';
import { named } from './looks.js';
import { state } from './state.js';
import { isolated } from './words.js';

const REST_MS = 150;

let timer = null;
let wanted = 0;

/** Say what is below the pointer: properties of a track or of what else has a device; null for nothing. */
export function hint(properties, point, lngLat) {
  const box = byId('tooltip');
  clearTimeout(timer);
  const mine = (wanted += 1);
  if (!properties?.device_id) {
    if (!box.hidden) unmark();
    box.hidden = true;
    return;
  }
  const words = [isolated(properties.track_name ?? ''), properties.track_name && ', ', named(properties.device_id)];
  fill(box, ...words.flat(), properties.start_time && `, ${longDate(properties.start_time)}`);
  box.style.translate = `min(${Math.round(point.x + 14)}px, calc(100vw - 100% - 8px)) ${Math.round(point.y + 14)}px`;
  box.hidden = false;
  if (!properties.track_id) return;
  timer = setTimeout(async () => {
    try {
      const { data } = await get(`/api/v1/tracks/${encodeURIComponent(properties.track_id)}/profile`);
      if (mine !== wanted) return;
      const there = nearestPoint(data, lngLat, properties.track_id === state.track);
      if (there) fill(box, ...words.flat(), `, ${longDate(there.time)}, ${exactClock(there.time)}, ${speed(there.speed)}`);
    } catch {
      // a track that has just gone: its name is said all the same
    }
  }, REST_MS);
}
