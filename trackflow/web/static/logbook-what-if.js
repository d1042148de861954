// What other thresholds would do to a device's tracks. Nothing is written.

import { get, send } from './api.js';
import { announce, el, empty, fill } from './dom.js';
import { count, counted, date, distance, span } from './format.js';

export const MEANINGS = {
  gap_s: 'A longer time without points is a silence',
  silence_s: 'A longer silence always ends the track',
  max_speed_kmh: 'A faster step is impossible',
  noise_m: 'How far a step may be off',
  max_accuracy_m: 'Less accurate points are dropped',
  spike_s: 'Spikes are looked for between points so close in time',
  spike_points: 'Longest run of points that can be a spike',
  dwell_s: 'How long a stay lasts at least',
  dwell_radius_m: 'How far a stay reaches around its middle',
  min_track_m: 'A shorter track is dropped',
  min_track_points: 'A track of fewer points is dropped',
};
const MOST = 50;

/** The day (UTC) of a time. */
export const isoDay = (time) => new Date(time).toISOString().slice(0, 10);

/** Show the form in `box`; the devices are known already. */
export async function installWhatIf(box, { failed }) {
  const { data } = await get('/api/v1/devices');
  const devices = data.devices.map((one) => one.device_id);
  if (!devices.length) {
    fill(box, empty('No devices yet'));
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
      fill(inputs, Object.entries(now).map(([name, value]) => el('label', {}, el('strong', {}, name), el('span', {}, MEANINGS[name]),
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
      fill(result, el('p', { class: 'bad', role: 'alert' }, 'Change at least one threshold above.'));
      return;
    }
    fill(result, el('p', { class: 'dim' }, 'Comparing…'));
    try {
      const found = await send('POST', '/api/v1/what-if', { device_id: device.value, from: first.value, to: last.value, thresholds });
      fill(result, comparison(found), forGood(found, thresholds));
      announce(`${counted(found.changes.length, 'group')} of tracks would change`);
      failed(null);
    } catch (error) {
      fill(result, el('p', { class: 'bad', role: 'alert' }, error.message));
      failed(error.status === 401 ? error : null);
    }
  }

  fill(box,
    el('form', { id: 'what-if-form', on: { submit } },
      el('p', { class: 'dim' }, 'Change thresholds to see which tracks they would add, remove, split or merge. Nothing is written.'),
      el('div', { class: 'search' }, el('label', {}, 'Device ', device), el('label', {}, 'From ', first), el('label', {}, 'to ', last)),
      inputs,
      el('div', { class: 'files' }, el('button', { type: 'submit', class: 'primary' }, 'Compare'))),
    result);
  await load();
}

function forGood(found, thresholds) {
  const set = Object.entries(thresholds).map(([name, value]) => `--set ${name}=${value}`).join(' ');
  return el('p', { class: 'dim' }, 'For good: ', el('code', {}, `trackflow device ${found.device_id} ${set}`));
}

/** What would change, as a summary and a table. */
export function comparison(found) {
  const kinds = Object.entries(found.counts).sort().map(([name, n]) => `${count(n)} ${name}`).join(', ');
  return [
    el('p', { class: 'strong' }, `${counted(found.tracks_before, 'track')}, ${distance(found.before_m)} → ${counted(found.tracks_after, 'track')}, ${distance(found.after_m)}`),
    el('p', { class: 'dim' }, kinds || 'There are no tracks in these days.'),
    found.changes.length > 0 && el('div', { class: 'table-box' }, el('table', {},
      el('thead', {}, el('tr', {}, ['Change', 'Now', 'Then'].map((name) => el('th', { scope: 'col' }, name)))),
      el('tbody', {}, found.changes.slice(0, MOST).map((change) => el('tr', {}, el('td', {}, change.kind), el('td', {}, spans(change.before)), el('td', {}, spans(change.after))))))),
    found.changes.length > MOST && el('p', { class: 'dim' }, `and ${count(found.changes.length - MOST)} more`),
  ];
}

const spans = (tracks) => (tracks.length ? tracks.map((track) => el('p', {}, `${date(track.start_time)}, `, span(track.start_time, track.end_time), `, ${distance(track.distance_m)}`)) : 'no track');
