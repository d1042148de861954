// What a click on a stop, a race track or a device tells.

import { ofDevice } from './colours.js';
import { el } from './dom.js';
import { follow } from './follow.js';
import { date, duration, span, when } from './format.js';
import { data } from './loading.js';
import { named } from './looks.js';
import { popup } from './map.js';
import { change } from './state.js';
import { plural, tr } from './words.js';

const MOST_VISITS_SHOWN = 8;

export function showStop(properties, at) {
  popup(at, el('div', { class: 'popup' },
    el('p', { class: 'strong' }, el('span', { class: 'swatch', style: { '--colour': ofDevice(properties.device_id) } }), named(properties.device_id)),
    el('p', {}, tr('Stopped for {time}', { time: el('strong', {}, duration(properties.duration_s)) })),
    el('p', { class: 'dim' }, span(properties.start_time, properties.end_time), `, ${date(properties.start_time)}`)));
}

export function showVisitsAt(visits, at) {
  const found = visits.slice(0, MOST_VISITS_SHOWN);
  popup(at, el('div', { class: 'popup' },
    el('p', { class: 'strong' }, visits[0].name),
    found.map((visit) => el('p', {}, el('span', { class: 'swatch', style: { '--colour': ofDevice(visit.device_id) } }), ' ',
      tr('{device} for {time}', { device: named(visit.device_id), time: el('strong', {}, duration(visit.duration_s)) }), `, ${date(visit.start_time)}, `, span(visit.start_time, visit.end_time))),
    visits.length > found.length && el('p', { class: 'dim' }, plural('and {n} visit more', 'and {n} visits more', visits.length - found.length))));
}

export function showDevice(id) {
  const device = data.devices.find((d) => d.device_id === id);
  if (!device?.last_position) return;
  const { longitude, latitude, recorded_at: seen } = device.last_position;
  popup([longitude, latitude], el('div', { class: 'popup' },
    el('p', { class: 'strong' }, el('span', { class: 'swatch', style: { '--colour': ofDevice(id) } }), named(id)),
    el('p', {}, tr('Last seen here {time}', { time: when(seen) })),
    el('button', { type: 'button', class: 'link', on: { click: () => change({ devices: [id] }) } }, tr('Show only this one')),
    el('button', { type: 'button', class: 'link', on: { click: () => follow(id) } }, tr('Follow it'))));
}
