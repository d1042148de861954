// The list of devices: colours, what each drove in the range, which ones are shown.

import { ofDevice } from './colours.js';
import { el, empty, fill, oneInTabOrder, roving } from './dom.js';
import { age, distance, exactDistance } from './format.js';
import { follow } from './follow.js';
import { editLook, groupOf, isFound, nameOf, named } from './looks.js';
import { onChanged } from './doing.js';
import { noPoints } from './no-points.js';
import { reader } from './purpose.js';
import { change, state } from './state.js';
import { plural, tr } from './words.js';
import { zoneName } from './zones.js';

const FILTER_FROM = 12;
let filter = '';

const isShown = (id) => state.devices === null || state.devices.includes(id);

function toggle(id, all) {
  const shown = all.filter((other) => (other === id ? !isShown(id) : isShown(other)));
  change({ devices: shown.length === all.length ? null : shown });
}

/** Draw the list. `sums`: by device { metres, tracks } of what lies in the range. */
export function drawDevices(body, { devices, sums, goTo, fitAll }) {
  if (!devices.length) {
    fill(body, noPoints());
    return;
  }
  const ids = devices.map((d) => d.device_id);
  const rows = byGroup(devices.filter((d) => isFound(d.device_id, filter))).map((d) => (typeof d === 'string' ? el('li', { class: 'day-head' }, d) : row(d, sums.get(d.device_id), ids, goTo)));
  const list = el('ul', { class: 'list', 'aria-label': tr('Devices') }, rows);
  for (const part of ['.pick', '.device', '.follow', '.edit', '.only:not(.follow, .edit)']) {
    oneInTabOrder([...list.querySelectorAll(part)]);
    roving(list, part);
  }
  list.addEventListener('focusin', (event) => inTabOrder(list, event.target.closest('.row')));
  fill(
    body,
    el('div', { class: 'bar-row' },
      devices.length >= FILTER_FROM &&
        el('input', {
          type: 'search', placeholder: tr('Find a device'), 'aria-label': tr('Find a device'), 'data-key': 'filter', value: filter,
          on: { input: (event) => { filter = event.target.value; drawDevices(body, { devices, sums, goTo, fitAll }); } },
        }),
      el('button', { type: 'button', class: 'link', 'data-key': 'fit-all', on: { click: fitAll } }, tr('Fit all')),
      el('span', { class: 'push' }),
      el('button', { type: 'button', class: 'link', 'data-key': 'all', disabled: state.devices === null, on: { click: () => change({ devices: null }) } }, tr('All')),
      el('button', { type: 'button', class: 'link', 'data-key': 'none', disabled: state.devices?.length === 0, on: { click: () => change({ devices: [], track: null }) } }, tr('None'))),
    rows.length ? list : empty(tr('No device of that name'), tr('Change what you look for.')),
  );
}

function row(device, sum, ids, goTo) {
  const id = device.device_id;
  const shown = isShown(id);
  const seen = device.last_time;
  return el('li', { class: `row${shown ? '' : ' off'}` },
    el('button', {
      type: 'button', class: 'pick', role: 'checkbox', 'aria-checked': shown, 'aria-label': tr('Show {device}', { device: nameOf(id) }), title: shown ? tr('Hide it') : tr('Show it'), 'data-key': `pick-${id}`,
      on: { click: () => toggle(id, ids) },
    }, el('span', { class: 'swatch', style: { '--colour': ofDevice(id) } })),
    el('button', {
      type: 'button', class: 'device', title: tr('Go there'), 'data-key': `device-${id}`,
      on: { click: () => goTo(device), dblclick: () => change({ devices: [id] }) },
    },
      el('span', { class: 'grow' },
        el('span', { class: 'name', title: id }, named(id)),
        el('span', { class: 'sub' }, `${profileName(device.profile)} · `, seen ? tr('seen {time}', { time: age(seen) }) : tr('no points yet'))),
      el('span', { class: 'side' },
        el('span', { class: 'figure', title: sum ? `${exactDistance(sum.metres)} (${zoneName()})` : '' }, sum ? distance(sum.metres) : '–'),
        el('span', { class: 'sub' }, sum ? plural('{n} track', '{n} tracks', sum.tracks) : ''))),
    el('button', {
      type: 'button', class: 'only link', 'aria-label': tr('Show only {device}', { device: id }), title: tr('Show only this one'),
      on: { click: () => change({ devices: [id] }) },
    }, tr('only')),
    device.last_position && el('button', {
      type: 'button', class: 'only follow link', 'aria-label': tr('Follow {device}', { device: id }), title: tr('The map keeps up with it'), 'data-key': `follow-${id}`,
      on: { click: () => follow(id) },
    }, tr('follow')),
    reader.mayChange && el('button', {
      type: 'button', class: 'only edit link', 'aria-label': tr('Name, colour, icon and group of {device}', { device: id }), title: tr('Name, colour, icon, group'),
      'data-key': `look-${id}`, on: { click: () => editLook(id, onChanged.call) },
    }, '✎'));
}

/** The Tab key leads through all that can be done with one device: the one that has the focus. */
function inTabOrder(list, row) {
  for (const button of list.querySelectorAll('button')) button.tabIndex = row.contains(button) ? 0 : -1;
}

/** Devices of each group below its name; those without one are last. */
function byGroup(devices) {
  const groups = [...new Set(devices.map((d) => groupOf(d.device_id)))].sort((a, b) => (a === '') - (b === '') || a.localeCompare(b));
  if (groups.length < 2 && !groups[0]) return devices;
  return groups.flatMap((group) => [group || tr('Others'), ...devices.filter((d) => groupOf(d.device_id) === group)]);
}

const PROFILES = { car: tr('car'), bicycle: tr('bicycle'), foot: tr('on foot') };
const profileName = (profile) => PROFILES[profile] ?? profile ?? tr('unknown');
