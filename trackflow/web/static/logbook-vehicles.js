// Vehicles: which devices are in them, who drives them, what their odometers show; said, and taken back.

import { ApiError, forget, get, send } from './api.js';
import { el, empty, fill, fillAround, keepOrder, tell, touch } from './dom.js';
import { clock, decimal, distance, moment } from './format.js';
import { UNITS } from './units.js';
import { isolated, plural, tr } from './words.js';
import { dayOf, momentOf, zoneName } from './zones.js';

const MOST = 100;
const MOST_READINGS = 12;
export const KINDS = { car: tr('car'), van: tr('van'), lorry: tr('lorry'), motorcycle: tr('motorcycle'), bicycle: tr('bicycle'), other: tr('vehicle|other') };

export const vehicleName = ({ vehicle_id: id, plate }) => (plate ? `${isolated(plate)} (${isolated(id)})` : isolated(id));
const at = (id, more = '') => `/api/v1/vehicles/${encodeURIComponent(id)}${more}`;
const odometer = (metres) => `${decimal(metres / UNITS.far[1], 1)} ${UNITS.far[0]}`;
const time = (value) => (value ? momentOf(value).toISOString() : null);
const times = ({ from_time: from, until_time: until }) => `${from ? moment(from) : tr('the beginning')} – ${until ? moment(until) : tr('now on')}`;
const isNow = ({ from_time: from, until_time: until }) => (!from || Date.parse(from) <= Date.now()) && (!until || Date.parse(until) > Date.now());

/** What a reading would mean beside those that are known, in order of time: as the server judges it. */
export function judged(readings, when, metres, isReplaced) {
  const before = readings.filter((one) => new Date(one.read_at) <= when).at(-1);
  const isOfBoth = isReplaced && before && +new Date(before.read_at) === +when;
  const after = readings.find((one) => (isOfBoth ? new Date(one.read_at) > when : new Date(one.read_at) >= when));
  const of = (one) => ({ reading: odometer(one.odometer_m), time: moment(one.read_at) });
  const isLess = before && before.odometer_m > metres;
  if (isReplaced && !isOfBoth && !isLess) return tr('Note first what the old one showed at last; if that was less, for the same moment.');
  if (isLess && !isReplaced) return tr('Less than the {reading} of {time}. Is it a new one? Then say so.', of(before));
  const isNewAfter = before && after && after.odometer_m < before.odometer_m;
  if (after && after.odometer_m < metres && !isNewAfter) return tr('More than the {reading} of {time}.', of(after));
  if (isReplaced) return tr('The old one showed {reading} ({time}); trips count on from the new one.', of(before));
  return before ? tr('{distance} more than at {time}.', { distance: distance(metres - before.odometer_m), time: moment(before.read_at) }) : tr('The first reading: trips count on from it.');
}

/** Show the vehicles in `box`; `changed` is called with them whenever they are read. */
export function installVehicles(box, { mayChange, changed, failed }) {
  let known = { vehicles: [], assigned: { devices: [], drivers: [] }, readings: [], devices: [] };
  let open = '';
  let asked = 0;
  const list = el('div', { id: 'vehicle-list', tabindex: '-1' });
  const filter = el('input', { type: 'search', id: 'vehicle-filter', placeholder: tr('Plate, id, driver or device'), 'aria-label': tr('Filter vehicles'), on: { input: () => draw() } });
  const filtering = el('div', { class: 'search', hidden: true }, filter);
  fill(box, filtering, list);
  list.addEventListener('input', touch);

  async function load(sent) {
    asked += 1;
    const mine = asked;
    const [fleet, assigned, read, devices] = (await Promise.all(['/api/v1/vehicles', '/api/v1/vehicle-assignments', '/api/v1/odometer-readings', '/api/v1/devices'].map((one) => get(one)))).map(({ data }) => data);
    if (mine !== asked) return;
    known = { vehicles: fleet.vehicles, assigned, readings: read.readings, devices: devices.devices };
    draw(sent);
    changed(known.vehicles);
  }

  /** Do something, then draw anew around the forms that are being filled. `sent`: the form that asked for it. */
  async function act(sent, ask, words) {
    try {
      await ask();
      forget();
      failed(null);
      tell(words);
      await load(sent);
    } catch (error) {
      failed(error);
    }
  }

  const of = (all, id) => all.filter((one) => one.vehicle_id === id);

  function draw(sent) {
    filtering.hidden = known.vehicles.length <= 10;
    const wanted = filter.value.trim().toLowerCase();
    const found = known.vehicles.filter((one) => one.vehicle_id === open || [one.vehicle_id, one.plate, ...of(known.assigned.devices, one.vehicle_id).map((d) => d.device_id), ...of(known.assigned.drivers, one.vehicle_id).map((d) => d.driver)]
      .some((text) => text?.toLowerCase().includes(wanted)));
    fillAround(list, sent,
      !known.vehicles.length && empty(tr('No vehicles yet'), mayChange ? tr('A vehicle has a book: add it here, then say which device is in it.') : null),
      known.vehicles.length > 0 && el('ul', { class: 'entries', 'aria-label': tr('Vehicles') }, found.slice(0, MOST).map(row)),
      found.length > MOST && el('p', { class: 'dim' }, plural('and {n} vehicle more: name it above', 'and {n} vehicles more: name one above', found.length - MOST)),
      known.vehicles.length > 0 && !found.length && el('p', { class: 'dim' }, tr('No vehicle is called so.')),
      mayChange && [el('h3', {}, tr('New vehicle')), vehicleForm(null)]);
  }

  function row(vehicle) {
    const { vehicle_id: id } = vehicle;
    const devices = of(known.assigned.devices, id).filter(isNow).map((one) => isolated(one.device_id));
    const drivers = of(known.assigned.drivers, id).filter(isNow).map((one) => isolated(one.driver));
    const last = of(known.readings, id).at(-1);
    const about = [KINDS[vehicle.kind], devices.join(', ') || tr('no device'), drivers.join(', ') || tr('no driver'), last ? `${odometer(last.odometer_m)}, ${moment(last.read_at)}` : tr('no reading')];
    const toggle = () => { open = open === id ? '' : id; draw(); };
    return el('li', { data: { vehicle: id } },
      el('span', { class: 'words' }, el('strong', {}, vehicleName(vehicle)), el('span', { class: 'dim' }, ` · ${about.join(' · ')}`)),
      el('button', { type: 'button', class: 'plain', 'aria-expanded': open === id, 'data-key': `vehicle-${id}`, 'aria-label': `${mayChange ? tr('Change…') : tr('Show')}: ${id}`, on: { click: toggle } }, open === id ? tr('Close') : mayChange ? tr('Change…') : tr('Show')),
      open === id && el('div', { class: 'vehicle-parts' }, parts(vehicle)));
  }

  function parts(vehicle) {
    const { vehicle_id: id } = vehicle;
    const readings = of(known.readings, id);
    return [
      el('h3', {}, tr('Devices')),
      said(of(known.assigned.devices, id), tr('No device is in it yet: its trips are in no book.'), (one) => [one.device_id, times(one)], (one) => send('POST', at(id, '/device/undo'), { device_id: one.device_id, from_time: one.from_time })),
      mayChange && deviceForm(id),
      el('h3', {}, tr('Drivers')),
      said(of(known.assigned.drivers, id), tr('Nobody is named.'), (one) => [one.driver, times(one)], (one) => send('POST', at(id, '/driver/undo'), { driver: one.driver, from_time: one.from_time })),
      mayChange && driverForm(id),
      el('h3', {}, tr('Odometer')),
      said(readings.slice(-MOST_READINGS).reverse(), tr('It was not read yet.'), (one) => [odometer(one.odometer_m), `${moment(one.read_at)} · ${tr('by {who}', { who: one.recorded_by })}`], (one) => send('POST', `/api/v1/odometer-readings/${one.reading_id}/undo`)),
      mayChange && odometerForm(id, readings),
      mayChange && [el('h3', {}, tr('The vehicle')), vehicleForm(vehicle)],
    ];
  }

  /** What was said, each with a button that takes it back. */
  function said(rows, none, words, undo) {
    return el('ul', { class: 'entries' }, !rows.length && el('li', { class: 'dim' }, none), rows.map((one) => {
      const [name, more] = words(one).map(isolated);
      return el('li', {}, el('span', { class: 'words' }, el('strong', {}, name), el('span', { class: 'dim' }, ` · ${more}`)),
        mayChange && el('button', { type: 'button', class: 'link', 'data-key': `undo-${name}-${more}`, 'aria-label': `${tr('Take back')}: ${name}, ${more}`, on: { click: () => act(null, () => undo(one), tr('Taken back')) } }, tr('Take back')));
    }));
  }

  function form(key, label, button, fields, save, saved) {
    const submit = (event) => {
      event.preventDefault();
      const sent = event.target;
      act(sent, () => save(Object.fromEntries(new FormData(sent))), saved);
    };
    return el('form', { class: 'fields', 'aria-label': label, data: { form: key }, on: { submit, input: keepOrder } }, fields, el('button', { type: 'submit', class: 'primary', 'data-key': `save-${key}` }, button));
  }

  const field = (words, input) => el('label', {}, `${words} `, input);
  const span = () => [
    field(tr('From ({zone})', { zone: zoneName() }), el('input', { type: 'datetime-local', name: 'from' })),
    field(tr('Until ({zone})', { zone: zoneName() }), el('input', { type: 'datetime-local', name: 'until' })),
  ];

  /** What is said of the moment that a form gives: of one moment there is one vehicle of a device, and one driver. */
  const ofMoment = (rows, { from }) => rows.find((one) => Date.parse(one.from_time ?? 0) === Date.parse(time(from) ?? 0) && !one.from_time === !from);
  const refuse = (words) => { throw new ApiError(0, words); };

  function deviceForm(id) {
    if (!known.devices.length) return el('p', { class: 'dim' }, tr('There are no devices yet.'));
    return form(`device ${id}`, tr('A device in the vehicle'), tr('Put it in'), [
      field(tr('Device'), el('select', { name: 'device', required: true }, el('option', { value: '' }), known.devices.map((one) => el('option', { value: one.device_id }, one.name ? `${one.name} (${one.device_id})` : one.device_id)))), span(),
    ], (given) => {
      const other = ofMoment(known.assigned.devices.filter((one) => one.device_id === given.device && one.vehicle_id !== id), given);
      if (other) refuse(tr('{device} is said to be in {vehicle} from that moment on: take that back first.', { device: isolated(given.device), vehicle: isolated(other.vehicle_id) }));
      return send('POST', at(id, '/device'), { device_id: given.device, from_time: time(given.from), until_time: time(given.until) });
    }, tr('It is in the vehicle'));
  }

  function driverForm(id) {
    return form(`driver ${id}`, tr('A driver of the vehicle'), tr('Save'), [
      field(tr('Name'), el('input', { name: 'driver', required: true, maxlength: 200, autocomplete: 'off' })), span(),
    ], (given) => {
      const other = ofMoment(of(known.assigned.drivers, id).filter((one) => one.driver !== given.driver.trim()), given);
      if (other) refuse(tr('{driver} is said to drive it from that moment on: take that back first.', { driver: isolated(other.driver) }));
      return send('POST', at(id, '/driver'), { driver: given.driver.trim(), from_time: time(given.from), until_time: time(given.until) });
    }, tr('Saved'));
  }

  function odometerForm(id, readings) {
    const judgement = el('p', { class: 'dim judgement', 'aria-live': 'polite' });
    const metres = (given) => Math.round(Number(given.shown) * UNITS.far[1]);
    const made = form(`odometer ${id}`, tr('A reading of the odometer'), tr('Save'), [
      field(tr('Read at ({zone})', { zone: zoneName() }), el('input', { type: 'datetime-local', name: 'at', required: true, value: `${dayOf(Date.now())}T${clock(Date.now())}` })),
      field(tr('It shows ({unit})', { unit: UNITS.far[0] }), el('input', { type: 'number', name: 'shown', required: true, min: 0, step: 'any', inputmode: 'decimal' })),
      el('label', { class: 'check' }, el('input', { type: 'checkbox', name: 'replaced' }), tr('It is another one than before')),
    ], (given) => send('POST', at(id, '/odometer'), { time: time(given.at), odometer_km: metres(given) / 1000, replaced: Boolean(given.replaced) }), tr('Saved'));
    made.addEventListener('input', () => {
      const given = Object.fromEntries(new FormData(made));
      judgement.textContent = given.shown && given.at ? judged(readings, momentOf(given.at), metres(given), Boolean(given.replaced)) : '';
    });
    made.append(judgement);
    return made;
  }

  /** The form of a vehicle, or of a new one. */
  function vehicleForm(vehicle) {
    const key = vehicle ? `vehicle ${vehicle.vehicle_id}` : 'new vehicle';
    return form(key, vehicle ? tr('The vehicle') : tr('New vehicle'), vehicle ? tr('Save') : tr('Add'), [
      !vehicle && field(tr('Id'), el('input', { name: 'id', required: true, maxlength: 200, autocomplete: 'off' })),
      field(tr('Plate'), el('input', { name: 'plate', maxlength: 50, autocomplete: 'off', value: vehicle?.plate ?? '' })),
      field(tr('Kind'), el('select', { name: 'kind' }, Object.entries(KINDS).map(([kind, words]) => el('option', { value: kind, selected: kind === vehicle?.kind }, words)))),
      field(tr('Zone of its book'), el('input', { name: 'zone', maxlength: 100, autocomplete: 'off', placeholder: zoneName(), value: vehicle?.time_zone ?? '' })),
    ], async (given) => {
      const id = vehicle?.vehicle_id ?? given.id.trim();
      if (!vehicle && known.vehicles.some((one) => one.vehicle_id === id)) throw new ApiError(0, tr('There is a vehicle of this id already.'));
      await send('PUT', at(id), { plate: given.plate.trim() || null, kind: given.kind, time_zone: given.zone.trim() || null });
      open = id;
    }, tr('Saved'));
  }

  return load();
}
