// Devices: what they are, their limits with a preview of what others would do; other ids, two made one.

import { get, send } from './api.js';
import { announce, el, fill } from './dom.js';
import { longDate } from './format.js';
import { wordsOf } from './problems.js';
import { MEANINGS, comparison, isoDay } from './thresholds.js';
import { plural, tr } from './words.js';

const PROFILES = { car: tr('roads'), bicycle: tr('cycle ways and roads'), foot: tr('paths and roads') };
const PRESETS = {
  vehicle: tr('vehicle: cars, vans, buses, ploughs: a built-in tracker'),
  phone: tr('phone: a person’s phone, at home and on the way'),
  asset: tr('asset: trailers, containers, machines: a report every quarter of an hour or less often'),
  sport: tr('sport: watches and bicycle computers: a point every second of an outing'),
};
const WEEK_MS = 7 * 86400e3;

let chosen = ''; // the device that is shown

const at = (id) => `/api/v1/devices/${encodeURIComponent(id)}`;

const nameOf = ({ device_id: id, name }) => (name ? `${name} (${id})` : id);

/** The section. `act` does something and draws anew, `again` draws anew. */
export async function drawDevices({ act, devices, again }) {
  if (!devices.length) return [el('p', { class: 'dim' }, tr('There are no devices yet.'))];
  if (!devices.some((one) => one.device_id === chosen)) chosen = devices[0].device_id;
  const [{ data: settings }, { data: { presets } }] = await Promise.all([get(at(chosen)), get('/api/v1/presets')]);
  const choose = (event) => { chosen = event.target.value; again(); };
  return [
    el('p', { class: 'lead' }, tr('After a change of its limits or of what it is, all days of a device are made again.')),
    el('div', { class: 'fields' }, el('label', {}, `${tr('Device')} `, el('select', { id: 'device-chosen', 'data-key': 'device-chosen', on: { change: choose } },
      devices.map((one) => el('option', { value: one.device_id, selected: one.device_id === chosen }, nameOf(one)))))),
    settingsForm(settings, presets, devices.find((one) => one.device_id === chosen), act),
    el('h3', {}, tr('Another id, or two devices made one')),
    moveForms(devices, act),
  ];
}

// ---- settings ------------------------------------------------------------------------------

function settingsForm(settings, presets, device, act) {
  const result = el('div', { id: 'device-preview', 'aria-live': 'polite' });
  const newest = device.last_time ? new Date(device.last_time).getTime() : Date.now();
  const limits = el('div', { class: 'thresholds' });
  const drawLimits = (preset) => fill(limits, Object.entries(presets[preset || 'vehicle'].thresholds).map(([name, value]) => el('label', {}, el('strong', { translate: 'no' }, name), el('span', {}, MEANINGS[name]),
    el('input', { type: 'number', step: 'any', name, placeholder: value, value: settings.overrides[name] ?? null }))));
  const preset = el('select', { name: 'preset', on: { change: () => drawLimits(preset.value) } }, el('option', { value: '' }, tr('anything')),
    Object.keys(presets).map((name) => el('option', { value: name, selected: name === settings.preset }, PRESETS[name] ?? name)));
  drawLimits(settings.preset);
  const form = el('form', { id: 'device-form', 'aria-label': tr('Settings of the device'), data: { form: `settings ${settings.device_id}` }, on: { submit: (event) => save(event, settings, act) } },
    el('div', { class: 'fields' },
      el('label', {}, `${tr('What it is')} `, preset),
      el('label', {}, `${tr('Travels on')} `, el('select', { name: 'profile' }, Object.entries(PROFILES).map(([value, words]) => el('option', { value, selected: value === settings.profile }, words)))),
      el('label', {}, `${tr('Zone of its days')} `, el('input', { name: 'time_zone', value: settings.time_zone, maxlength: 100, autocomplete: 'off' }))),
    settings.looks_like && el('p', { class: 'dim' }, tr('It looks like {preset}: {why}.', { preset: el('code', {}, settings.looks_like.preset), why: el('span', { lang: 'en', translate: 'no' }, settings.looks_like.why) })),
    el('details', {}, el('summary', {}, tr('Limits of its own')), el('p', { class: 'dim' }, tr('An empty field takes the limit that it shows.')), limits),
    el('div', { class: 'fields' },
      el('label', {}, `${tr('Preview of the days from (UTC)')} `, el('input', { type: 'date', name: 'from', value: isoDay(newest - WEEK_MS + 86400e3) })),
      el('label', {}, `${tr('To, included ({zone})', { zone: 'UTC' })} `, el('input', { type: 'date', name: 'to', value: isoDay(newest) })),
      el('button', { type: 'button', class: 'plain', 'data-key': 'preview-device', on: { click: () => preview(form, settings, result) } }, tr('Show what would change')),
      el('button', { type: 'submit', class: 'primary', 'data-key': 'save-device' }, tr('Save'))),
    result);
  return form;
}

/** What the form says that the settings do not: { preset, thresholds }. A limit that was emptied is null. */
function limitsOf(form, settings) {
  const given = new FormData(form);
  const thresholds = {};
  for (const name of Object.keys(settings.thresholds)) {
    const value = given.get(name) === '' ? null : Number(given.get(name));
    if (value !== (settings.overrides[name] ?? null)) thresholds[name] = value;
  }
  const preset = given.get('preset');
  return preset === (settings.preset ?? '') ? { thresholds } : { thresholds, preset };
}

async function preview(form, settings, result) {
  const wanted = limitsOf(form, settings);
  if (wanted.preset === undefined && !Object.keys(wanted.thresholds).length) {
    fill(result, el('p', { class: 'dim' }, tr('Nothing that cuts tracks has changed above.')));
    return;
  }
  fill(result, el('p', { class: 'dim' }, tr('Comparing…')));
  try {
    const { from, to } = Object.fromEntries(new FormData(form));
    const found = await send('POST', '/api/v1/what-if', { device_id: settings.device_id, from, to, ...wanted });
    fill(result, comparison(found));
  } catch (error) {
    fill(result, el('p', { class: 'bad', role: 'alert' }, wordsOf(error)));
  }
}

function save(event, settings, act) {
  event.preventDefault();
  const given = new FormData(event.target);
  const wanted = limitsOf(event.target, settings);
  if (given.get('profile') !== settings.profile) wanted.profile = given.get('profile');
  if (given.get('time_zone').trim() !== settings.time_zone) wanted.time_zone = given.get('time_zone').trim();
  act(event.target, () => send('PATCH', at(settings.device_id), wanted), tr('Saved'));
}

// ---- other ids -----------------------------------------------------------------------------

function moveForms(devices, act) {
  const others = devices.filter((one) => one.device_id !== chosen);
  const result = el('div', { id: 'merge-preview', 'aria-live': 'polite' });
  const old = chosen;
  const rename = async (event) => {
    event.preventDefault();
    const wanted = new FormData(event.target).get('new_id').trim();
    await act(event.target, async () => {
      const moved = await send('POST', `${at(old)}/rename`, { new_id: wanted });
      chosen = wanted;
      return moved;
    }, ({ into }) => tr('It is {device} now', { device: into }));
  };
  const ask = async (event) => {
    event.preventDefault();
    const into = new FormData(event.target).get('into');
    try {
      fill(result, offer(await send('POST', `${at(old)}/merge`, { into, dry_run: true }), act));
    } catch (error) {
      fill(result, el('p', { class: 'bad', role: 'alert' }, wordsOf(error)));
    }
  };
  return [
    el('form', { class: 'fields', 'aria-label': tr('Another id'), data: { form: `rename ${old}` }, on: { submit: rename } },
      el('label', {}, `${tr('Id that senders use')} `, el('input', { name: 'new_id', required: true, maxlength: 200, value: old, autocomplete: 'off' })),
      el('button', { type: 'submit', class: 'plain', 'data-key': 'rename-device' }, tr('Rename'))),
    others.length > 0 && el('form', { class: 'fields', 'aria-label': tr('Merge'), data: { form: `merge ${old}` }, on: { submit: ask } },
      el('label', {}, `${tr('Give all of its points to')} `, el('select', { name: 'into' }, others.map((one) => el('option', { value: one.device_id }, nameOf(one))))),
      el('button', { type: 'submit', class: 'plain', 'data-key': 'preview-merge' }, tr('Show what would move'))),
    result,
  ];
}

/** What a merge would move, and the button that does it. */
function offer(found, act) {
  const merge = () => act(null, async () => {
    const moved = await send('POST', `${at(found.device_id)}/merge`, { into: found.into });
    chosen = found.into;
    return moved;
  }, ({ points }) => plural('{n} point moved', '{n} points moved', points));
  announce(plural('{n} point would move', '{n} points would move', found.points));
  return el('div', { class: 'undo' },
    el('p', {}, plural('{n} point would move to {device}.', '{n} points would move to {device}.', found.points, { device: found.into }), ' ',
      found.first_time && `${longDate(found.first_time)} – ${longDate(found.last_time)}. `,
      plural('Of {n} moment both have a point; the better one stays.', 'Of {n} moments both have a point; the better one stays.', found.shared_moments), ' ', tr('It cannot be taken back.')),
    el('button', { type: 'button', class: 'plain', 'data-key': 'merge-device', on: { click: merge } }, tr('Merge')));
}
