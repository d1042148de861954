// What other thresholds would do to a device's tracks. Nothing is written.

import { get, send } from './api.js';
import { announce, el, empty, fill } from './dom.js';
import { count, date, distance, span } from './format.js';
import { plural, tr } from './words.js';

const MEANINGS = {
  gap_s: tr('A longer time without points is a silence'),
  silence_s: tr('A longer silence always ends the track'),
  max_speed_kmh: tr('A faster step is impossible'),
  noise_m: tr('How far a step may be off'),
  max_accuracy_m: tr('Less accurate points are dropped'),
  spike_s: tr('Spikes are looked for between points so close in time'),
  spike_points: tr('Longest run of points that can be a spike'),
  dwell_s: tr('How long a stay lasts at least'),
  dwell_radius_m: tr('How far a stay reaches around its middle'),
  min_track_m: tr('A shorter track is dropped'),
  min_track_points: tr('A track of fewer points is dropped'),
};
const KINDS = {
  same: (n) => plural('{n} same', '{n} same', n), added: (n) => plural('tracks|{n} added', 'tracks|{n} added', n),
  removed: (n) => plural('tracks|{n} removed', 'tracks|{n} removed', n), split: (n) => plural('{n} split', '{n} split', n),
  merged: (n) => plural('tracks|{n} merged', 'tracks|{n} merged', n), changed: (n) => plural('tracks|{n} changed', 'tracks|{n} changed', n),
};
const CHANGES = { same: tr('same'), added: tr('added'), removed: tr('removed'), split: tr('split'), merged: tr('merged'), changed: tr('changed') };
const MOST = 50;

const isoDay = (time) => new Date(time).toISOString().slice(0, 10);

/** Show the form in `box`; the devices are known already. */
export async function installWhatIf(box, { failed }) {
  const { data } = await get('/api/v1/devices');
  const devices = data.devices.map((one) => one.device_id);
  if (!devices.length) {
    fill(box, empty(tr('No devices yet')));
    return;
  }
  let now = {}; // the thresholds of the chosen device
  const device = el('select', { id: 'what-if-device', on: { change: () => load() } }, devices.map((name) => el('option', { value: name }, name)));
  const first = el('input', { type: 'date', id: 'what-if-from', required: true });
  const last = el('input', { type: 'date', id: 'what-if-to', required: true });
  const inputs = el('div', { class: 'thresholds' });
  const result = el('div', { id: 'what-if-result', tabindex: '-1' });

  async function load() {
    try {
      const { data: found } = await get(`/api/v1/devices/${encodeURIComponent(device.value)}`);
      now = found.thresholds;
      const newest = data.devices.find((one) => one.device_id === device.value).last_time ?? Date.now();
      last.value = isoDay(newest);
      first.value = isoDay(new Date(newest) - 6 * 86400e3);
      fill(inputs, Object.entries(now).map(([name, value]) => el('label', {}, el('strong', { translate: 'no' }, name), el('span', {}, MEANINGS[name]),
        el('input', { type: 'number', step: 'any', name, value }))));
      fill(result);
    } catch (error) {
      failed(error);
    }
  }

  const changes = () => Object.fromEntries([...inputs.querySelectorAll('input')]
    .filter((input) => input.value !== '' && Number(input.value) !== now[input.name])
    .map((input) => [input.name, Number(input.value)]));

  async function submit(event) {
    event.preventDefault();
    const thresholds = changes();
    if (!Object.keys(thresholds).length) {
      fill(result, el('p', { class: 'bad', role: 'alert' }, tr('Change at least one threshold above.')));
      return;
    }
    fill(result, el('p', { class: 'dim' }, tr('Comparing…')));
    try {
      const found = await send('POST', '/api/v1/what-if', { device_id: device.value, from: first.value, to: last.value, thresholds });
      fill(result, answer(found, thresholds));
      announce(plural('{n} group of tracks would change', '{n} groups of tracks would change', found.changes.length));
      failed(null);
    } catch (error) {
      fill(result, el('p', { class: 'bad', role: 'alert' }, error.message));
      failed(error.status === 401 ? error : null);
    }
  }

  fill(box,
    el('form', { id: 'what-if-form', on: { submit } },
      el('p', { class: 'dim' }, tr('Change thresholds to see which tracks they would add, remove, split or merge. Nothing is written.')),
      el('div', { class: 'search' }, el('label', {}, `${tr('Device')} `, device), el('label', {}, `${tr('From')} `, first), el('label', {}, `${tr('to')} `, last)),
      inputs,
      el('div', { class: 'files' }, el('button', { type: 'submit', class: 'primary' }, tr('Compare')))),
    result);
  await load();
}

function answer(found, thresholds) {
  const kinds = Object.entries(found.counts).sort().map(([name, n]) => KINDS[name]?.(n) ?? `${count(n)} ${name}`).join(', ');
  const set = Object.entries(thresholds).map(([name, value]) => `--set ${name}=${value}`).join(' ');
  return [
    el('p', { class: 'strong' }, `${plural('{n} track', '{n} tracks', found.tracks_before)}, ${distance(found.before_m)} → ${plural('{n} track', '{n} tracks', found.tracks_after)}, ${distance(found.after_m)}`),
    el('p', { class: 'dim' }, kinds || tr('There are no tracks in these days.')),
    found.changes.length > 0 && el('div', { class: 'table-box' }, el('table', {},
      el('thead', {}, el('tr', {}, [tr('Change'), tr('Now'), tr('Then')].map((name) => el('th', { scope: 'col' }, name)))),
      el('tbody', {}, found.changes.slice(0, MOST).map((change) => el('tr', {}, el('td', {}, CHANGES[change.kind] ?? change.kind), el('td', {}, spans(change.before)), el('td', {}, spans(change.after))))))),
    found.changes.length > MOST && el('p', { class: 'dim' }, tr('and {n} more', { n: count(found.changes.length - MOST) })),
    el('p', { class: 'dim' }, tr('For good: {command}', { command: el('code', {}, `trackflow device ${found.device_id} ${set}`) })),
  ];
}

const spans = (tracks) => (tracks.length ? tracks.map((track) => el('p', {}, `${date(track.start_time)}, `, span(track.start_time, track.end_time), `, ${distance(track.distance_m)}`)) : tr('no track'));
