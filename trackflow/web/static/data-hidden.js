// Hidden points: what is hidden, restoring it, and hiding more.

import { get, send } from './api.js';
import { el, keepOrder } from './dom.js';
import { moment } from './format.js';
import { plural, tr } from './words.js';
import { momentOf, zoneName } from './zones.js';

const time = (value) => (value ? momentOf(value).toISOString() : null);

const span = (one) => `${one.start_time ? moment(one.start_time) : tr('the beginning')} – ${one.end_time ? moment(one.end_time) : tr('now on')}`;

/** The list and the form. `act` does something and draws anew. */
export async function drawHidden({ act, devices }) {
  const { hidings } = (await get('/api/v1/points/hidings?restored=yes')).data;
  const restore = (one) => act(null, () => send('POST', `/api/v1/points/hidings/${one.hiding_id}/restore`), (report) => plural('{n} point restored', '{n} points restored', report.points));
  const names = new Map(devices.map((d) => [d.device_id, d.name ?? d.device_id]));
  const shown = [...hidings].reverse();
  return [
    el('p', { class: 'lead' }, tr('Hidden points are in no track, on no map and in no download. They stay stored and can be restored. Points of the same time and area that arrive later are hidden, too.')),
    el('ul', { class: 'entries', 'aria-label': tr('Hidden points') }, shown.length === 0 && el('li', { class: 'dim' }, tr('No points are hidden.')),
      shown.map((one) => el('li', { class: one.restored_at ? 'off' : '' },
        el('span', { class: 'words' }, el('strong', {}, names.get(one.device_id) ?? one.device_id), ` · ${span(one)}`, one.area && ` · ${tr('in {place}', { place: one.area.map((x) => x.toFixed(4)).join(', ') })}`,
          el('span', { class: 'dim' }, ` · ${tr('by {who}, {time}', { who: one.hidden_by, time: moment(one.hidden_at) })}`)),
        one.restored_at
          ? el('span', {}, tr('restored by {who}', { who: one.restored_by }))
          : el('button', { type: 'button', class: 'plain', 'data-key': `restore-${one.hiding_id}`, on: { click: () => restore(one) } }, tr('Restore'))))),
    el('h3', {}, tr('Hide points')),
    form(act, devices),
  ];
}

function form(act, devices) {
  const hide = async (event) => {
    event.preventDefault();
    const given = Object.fromEntries(new FormData(event.target));
    const wanted = { device_id: given.device, start_time: time(given.from), end_time: time(given.to), area: given.area.trim() ? given.area.split(',').map(Number) : null };
    await act(event.target, () => send('POST', '/api/v1/points/hidings', wanted), (report) => plural('{n} point hidden', '{n} points hidden', report.points));
  };
  return el('form', { class: 'fields', 'aria-label': tr('Hide points'), data: { form: 'hide' }, on: { submit: hide, input: keepOrder } },
    el('label', {}, `${tr('Device')} `, el('select', { name: 'device', required: true }, devices.map((d) => el('option', { value: d.device_id }, d.name ? `${d.name} (${d.device_id})` : d.device_id)))),
    el('label', {}, `${tr('From ({zone})', { zone: zoneName() })} `, el('input', { type: 'datetime-local', name: 'from', step: 1 })),
    el('label', {}, `${tr('Until ({zone})', { zone: zoneName() })} `, el('input', { type: 'datetime-local', name: 'to', step: 1 })),
    el('label', {}, `${tr('Only in: west, south, east, north')} `, el('input', { name: 'area', placeholder: tr('anywhere'), autocomplete: 'off', pattern: '\\s*-?[\\d.]+(\\s*,\\s*-?[\\d.]+){3}\\s*', title: tr('Four numbers in degrees: west, south, east, north') })),
    el('button', { type: 'submit', class: 'primary', 'data-key': 'hide', disabled: !devices.length }, tr('Hide')));
}
