// Following a device: the view keeps up with its newest position until the reader moves the map.

import { announce, byId, el, fill } from './dom.js';
import { named, nameOf } from './looks.js';
import { easeTo } from './map.js';
import { change, state } from './state.js';
import { tr } from './words.js';

const CLOSE_ZOOM = 14;

let at = '';

/** Go to a device's newest position; nearer only if the map is far out. */
export function goTo(device) {
  const spot = device?.last_position;
  if (!spot) return false;
  easeTo([spot.longitude, spot.latitude], CLOSE_ZOOM);
  return true;
}

/** Keep up with the device that is followed; called whenever positions may be new. */
export function keepUp(devices) {
  const box = byId('following');
  box.hidden = !state.follow;
  if (!state.follow) return;
  const device = devices.find((d) => d.device_id === state.follow);
  fill(box, el('span', {}, tr('Following {device}', { device: named(state.follow) })),
    el('button', { type: 'button', class: 'link', 'data-key': 'stop-following', on: { click: () => stop() } }, tr('Stop')));
  const now = JSON.stringify([state.follow, device?.last_position]);
  if (now === at) return;
  at = now;
  goTo(device);
}

export function follow(id) {
  at = '';
  change({ follow: id });
  announce(tr('Following {device}', { device: nameOf(id) }));
}

/** The reader has moved the map, or has had enough. */
export function stop() {
  at = '';
  if (state.follow) change({ follow: null });
}
