// How devices are shown: names, icons, groups and colours; and the dialog that changes them.

import { forget, send } from './api.js';
import { ofDevice } from './colours.js';
import { byId, el, fill, tell } from './dom.js';
import { wordsOf } from './problems.js';
import { isolated, tr } from './words.js';

const ICONS = {
  car: ['🚗', tr('car')], van: ['🚐', tr('van')], truck: ['🚚', tr('truck')], bus: ['🚌', tr('bus')], plough: ['❄️', tr('plough')],
  tractor: ['🚜', tr('tractor')], motorcycle: ['🏍️', tr('motorcycle')], bicycle: ['🚲', tr('bicycle')], walker: ['🚶', tr('walker')],
  runner: ['🏃', tr('runner')], dog: ['🐕', tr('dog')], boat: ['⛵', tr('boat')], plane: ['✈️', tr('plane')], train: ['🚆', tr('train')],
  phone: ['📱', tr('icon|phone')], trailer: ['🚛', tr('trailer')],
};

let looks = new Map();

/** Take over the looks of all devices. */
export function setLooks(devices) {
  looks = new Map(devices.map((device) => [device.device_id, device]));
}

/** The name of a device for people: its own, or its id. */
export const nameOf = (id) => isolated(looks.get(id)?.name ?? id);

/** The group of a device; empty without one. */
export const groupOf = (id) => looks.get(id)?.group ?? '';

const iconOf = (id) => (Object.hasOwn(ICONS, looks.get(id)?.icon ?? '') ? ICONS[looks.get(id).icon][0] : '');

/** The name with its icon, as children of an element. */
export function named(id) {
  const icon = iconOf(id);
  return [icon && el('span', { class: 'device-icon', 'aria-hidden': true }, icon), nameOf(id)];
}

/** Whether a device is found by a text: by its id, name or group. */
export const isFound = (id, text) => [id, nameOf(id), groupOf(id)].some((words) => words.toLowerCase().includes(text.toLowerCase()));

/** The dialog for the look of a device. `saved`: called after a change. */
export function editLook(id, saved) {
  byId('look')?.remove();
  const look = looks.get(id) ?? {};
  const groups = [...new Set([...looks.values()].map((other) => other.group).filter(Boolean))].sort();
  const problem = el('p', { class: 'bad', role: 'alert' });
  const own = el('input', { type: 'checkbox', name: 'own', checked: Boolean(look.colour), 'aria-label': tr('A colour of its own') });
  const colour = el('input', { type: 'color', name: 'colour', value: look.colour ?? hex(ofDevice(id)), 'aria-label': tr('Colour'), on: { input: () => { own.checked = true; } } });
  const save = async (event) => {
    event.preventDefault();
    const given = new FormData(event.target);
    const wanted = { name: given.get('name'), group: given.get('group'), icon: given.get('icon'), colour: own.checked ? colour.value : '' };
    try {
      await send('PATCH', `/api/v1/devices/${id.split('/').map(encodeURIComponent).join('/')}`, wanted);
    } catch (error) {
      fill(problem, wordsOf(error));
      return;
    }
    dialog.close();
    forget();
    tell(tr('Saved'));
    await saved();
  };
  const dialog = el('dialog', { id: 'look', class: 'card login', 'aria-labelledby': 'look-title', on: { close: () => dialog.remove() } },
    el('form', { on: { submit: save } },
      el('h2', { id: 'look-title' }, tr('How it is shown')),
      el('p', {}, `${tr('Device')} `, el('code', {}, id)),
      el('label', {}, `${tr('Name')} `, el('input', { name: 'name', maxlength: 200, value: look.name ?? '', placeholder: id, autocomplete: 'off' })),
      el('label', {}, `${tr('Group')} `, el('input', { name: 'group', maxlength: 200, value: look.group ?? '', list: 'groups', placeholder: tr('group|none'), autocomplete: 'off' })),
      el('datalist', { id: 'groups' }, groups.map((group) => el('option', { value: group }))),
      el('label', {}, `${tr('Icon')} `, el('select', { name: 'icon' }, el('option', { value: '' }, tr('icon|none')), Object.entries(ICONS).map(([icon, [sign, words]]) => el('option', { value: icon, selected: icon === look.icon }, `${sign} ${words}`)))),
      el('p', { class: 'colour-row' }, el('label', { class: 'check' }, own, tr('Own colour')), colour),
      problem,
      el('p', { class: 'actions' },
        el('button', { type: 'button', on: { click: () => dialog.close() } }, tr('Cancel')),
        el('button', { type: 'submit', class: 'primary', 'data-key': 'save-look' }, tr('Save')))));
  document.body.append(dialog);
  dialog.showModal();
}

/** A colour as #rrggbb, which is all that an input takes. */
function hex(colour) {
  const context = document.createElement('canvas').getContext('2d');
  context.fillStyle = colour;
  return context.fillStyle;
}
