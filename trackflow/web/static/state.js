// What the reader has chosen. All of it is in the address, so that a view can be shared.

import { isDay } from './periods.js';

/**
 * range: { kind: 'day', day } | { kind: 'last', hours } | { kind: 'span', from, to } (days, both
 * included); null until the page knows where there is something to see.
 * here: { box } or { near, radius } of "when was I here?", or null. follow: a device, or null.
 * devices: null for all, or a list of ids. view: { zoom, lat, lon } of the map, or null.
 */
export const state = {
  range: null,
  devices: null,
  track: null,
  tab: 'devices',
  colour: 'device',
  zone: 'stated',
  matched: true,
  raw: false,
  view: null,
  here: null,
  follow: null,
};

const listeners = new Set();

/** Follow changes, by the set of names that have changed. */
export function onChange(listener) {
  listeners.add(listener);
}

/** Change something. `remember` makes a step that the browser's Back undoes. */
export function change(changes, { remember = true } = {}) {
  const changed = new Set();
  for (const [name, value] of Object.entries(changes)) {
    if (JSON.stringify(state[name]) !== JSON.stringify(value)) {
      state[name] = value;
      changed.add(name);
    }
  }
  if (!changed.size) return;
  write(remember && (changed.has('range') || changed.has('track') || changed.has('devices') || changed.has('here')));
  for (const listener of listeners) listener(changed);
}

const NUMBERS = /^-?\d+(\.\d+)?(,-?\d+(\.\d+)?)*$/;

/** The place that an address asks about. */
function hereOf(given) {
  const box = given.get('box') ?? '';
  const [lon, lat, radius] = (given.get('near') ?? '').split(',');
  if (NUMBERS.test(box) && box.split(',').length === 4) return { box };
  return NUMBERS.test(`${lon},${lat}`) && Number(radius) > 0 ? { near: `${lon},${lat}`, radius: Number(radius) } : null;
}

/** What an address says; whatever it does not say is as at the beginning. */
export function parse(hash) {
  const given = new URLSearchParams(hash.replace(/^#/, ''));
  const hours = Number(given.get('last'));
  const [from, to] = (given.get('days') ?? '').split('..');
  const [zoom, lat, lon] = (given.get('map') ?? '').split('/').map(Number);
  const chosen = given.getAll('device');
  return {
    range: isDay(given.get('day'))
      ? { kind: 'day', day: given.get('day') }
      : Number.isInteger(hours) && hours > 0 && hours <= 24 * 366
        ? { kind: 'last', hours }
        : isDay(from) && isDay(to) && from <= to
          ? { kind: 'span', from, to }
          : null,
    devices: given.has('devices') ? [] : chosen.length ? chosen : null,
    track: given.get('track') || null,
    tab: ['devices', 'tracks', 'work'].includes(given.get('tab')) ? given.get('tab') : 'devices',
    colour: ['mode', 'category', 'often'].includes(given.get('colour')) ? given.get('colour') : 'device',
    zone: ['local', 'utc'].includes(given.get('zone')) ? given.get('zone') : 'stated',
    raw: given.has('raw'),
    matched: given.get('matched') !== 'no',
    here: hereOf(given),
    follow: given.get('follow') || null,
    view: zoom >= 0 && Math.abs(lat) <= 90 && Math.abs(lon) <= 180 ? { zoom, lat, lon } : null,
  };
}

/** The address of a state. */
export function format(from) {
  const parts = new URLSearchParams();
  const { range, devices, view } = from;
  if (range?.kind === 'day') parts.set('day', range.day);
  if (range?.kind === 'last') parts.set('last', range.hours);
  if (range?.kind === 'span') parts.set('days', `${range.from}..${range.to}`);
  for (const device of devices ?? []) parts.append('device', device);
  if (devices && !devices.length) parts.set('devices', 'none');
  if (from.track) parts.set('track', from.track);
  if (from.tab !== 'devices') parts.set('tab', from.tab);
  if (from.colour !== 'device') parts.set('colour', from.colour);
  if (from.zone !== 'stated') parts.set('zone', from.zone);
  if (from.raw) parts.set('raw', 'yes');
  if (!from.matched) parts.set('matched', 'no');
  if (from.here?.box) parts.set('box', from.here.box);
  else if (from.here) parts.set('near', `${from.here.near},${from.here.radius}`);
  if (from.follow) parts.set('follow', from.follow);
  if (view) parts.set('map', [view.zoom.toFixed(2), view.lat.toFixed(5), view.lon.toFixed(5)].join('/'));
  return `#${parts}`;
}

function write(step) {
  const address = format(state);
  if (address === location.hash) return;
  history[step ? 'pushState' : 'replaceState'](null, '', address);
}

/** Read the address now, and again whenever the reader goes back or edits it. */
export function followAddress() {
  Object.assign(state, parse(location.hash));
  const again = () => {
    const { view, ...rest } = parse(location.hash);
    change(rest.range ? rest : { ...rest, range: state.range }, { remember: false });
  };
  addEventListener('popstate', again);
  addEventListener('hashchange', again);
}
