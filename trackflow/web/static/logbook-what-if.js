// What other thresholds would do to a device's tracks. Nothing is written.

import { get, send } from './api.js';
import { announce, el, empty, fill, keepOrder, lastForShell } from './dom.js';
import { tellAndRetry, wordsOf } from './problems.js';
import { MEANINGS, comparison, isoDay } from './thresholds.js';
import { plural, tr } from './words.js';

/** Show the form in `box`; the devices are known already. */
export async function installWhatIf(box, { failed }) {
  const { data } = await get('/api/v1/devices');
  const devices = data.devices.map((one) => one.device_id);
  if (!devices.length) {
    fill(box, empty(tr('No devices yet')));
    return;
  }
  let now = {}; // the thresholds of the chosen device
  const device = el('select', { id: 'what-if-device', on: { change: () => load().catch((error) => tellAndRetry(error, load)) } }, devices.map((name) => el('option', { value: name }, name)));
  const first = el('input', { type: 'date', id: 'what-if-from', name: 'from', required: true });
  const last = el('input', { type: 'date', id: 'what-if-to', name: 'to', required: true });
  const inputs = el('div', { class: 'thresholds' });
  const result = el('div', { id: 'what-if-result', tabindex: '-1' });

  async function load() {
    const { data: found } = await get(`/api/v1/devices/${encodeURIComponent(device.value)}`);
    now = found.thresholds;
    const newest = data.devices.find((one) => one.device_id === device.value).last_time ?? Date.now();
    last.value = isoDay(newest);
    first.value = isoDay(new Date(newest) - 6 * 86400e3);
    fill(inputs, Object.entries(now).map(([name, value]) => el('label', {}, el('strong', { translate: 'no' }, name), el('span', {}, MEANINGS[name]),
      el('input', { type: 'number', step: 'any', name, value }))));
    fill(result);
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
      fill(result, comparison(found), forGood(found, thresholds));
      announce(plural('{n} group of tracks would change', '{n} groups of tracks would change', found.changes.length));
      failed(null);
    } catch (error) {
      fill(result, el('p', { class: 'bad', role: 'alert' }, wordsOf(error)));
      failed(error.status === 401 ? error : null);
    }
  }

  fill(box,
    el('form', { id: 'what-if-form', on: { submit, input: keepOrder } },
      el('p', { class: 'dim' }, tr('Change thresholds to see which tracks they would add, remove, split or merge. Nothing is written.')),
      el('div', { class: 'search' }, el('label', {}, `${tr('Device')} `, device), el('label', {}, `${tr('From ({zone})', { zone: 'UTC' })} `, first), el('label', {}, `${tr('To, included ({zone})', { zone: 'UTC' })} `, last)),
      inputs,
      el('div', { class: 'files' }, el('button', { type: 'submit', class: 'primary' }, tr('Compare')))),
    result);
  await load();
}

function forGood(found, thresholds) {
  const set = Object.entries(thresholds).map(([name, value]) => `--set ${name}=${value}`).join(' ');
  return el('p', { class: 'dim' }, tr('For good: {command}', { command: el('code', {}, `trackflow device ${set} ${lastForShell(found.device_id)}`) }));
}
