// Drawing a box on the map with mouse, finger or pen: for tracks through it, or for points to hide.

import { forget, send } from './api.js';
import { announce, byId, el, fill } from './dom.js';
import { nameOf } from './looks.js';
import { offerRestore, onChanged } from './doing.js';
import { boundsBetween } from './map.js';
import { wordsOf } from './problems.js';
import { moments, rangeInWords } from './range.js';
import { change } from './state.js';
import { boxOf } from './here.js';
import { plural, tr } from './words.js';

const LEAST_PX = 6;

let sheet = null;

/** Let the reader draw a box; then ask what to do with it. */
export function startBox({ devices, mayChange }) {
  stopBox();
  let from = null;
  const rubber = el('div', { class: 'rubber', hidden: true });
  sheet = el('div', { class: 'drawing', tabindex: '-1', 'aria-label': tr('Draw a box on the map') },
    el('p', { class: 'card draw-hint' }, `${tr('Drag a box over the map')}. `, el('button', { type: 'button', class: 'link', on: { click: stopBox } }, tr('Cancel'))), rubber);
  const corners = (event) => [Math.min(from.x, event.clientX), Math.min(from.y, event.clientY), Math.max(from.x, event.clientX), Math.max(from.y, event.clientY)];
  sheet.addEventListener('pointerdown', (event) => {
    if (event.target !== sheet) return;
    from = { x: event.clientX, y: event.clientY };
    sheet.setPointerCapture(event.pointerId);
  });
  sheet.addEventListener('pointermove', (event) => {
    if (!from) return;
    const [left, top, right, bottom] = corners(event);
    rubber.hidden = false;
    Object.assign(rubber.style, { left: `${left}px`, top: `${top}px`, width: `${right - left}px`, height: `${bottom - top}px` });
  });
  sheet.addEventListener('pointerup', (event) => {
    if (!from) return;
    const [left, top, right, bottom] = corners(event);
    from = null;
    if (right - left < LEAST_PX || bottom - top < LEAST_PX) return;
    const bounds = boundsBetween([left, top], [right, bottom]);
    stopBox();
    choose(bounds, devices, mayChange);
  });
  sheet.addEventListener('keydown', (event) => {
    if (event.key !== 'Escape') return;
    event.stopPropagation();
    stopBox();
  });
  document.body.append(sheet);
  sheet.focus();
  announce(tr('Drag a box over the map'));
}

function stopBox() {
  sheet?.remove();
  sheet = null;
}

/** Ask what to do with a box. */
function choose(bounds, devices, mayChange) {
  byId('box-dialog')?.remove();
  const problem = el('p', { class: 'bad', role: 'alert' });
  const device = el('select', { name: 'device', 'aria-label': tr('Device') }, devices.map((d) => el('option', { value: d.device_id }, nameOf(d.device_id))));
  const always = el('input', { type: 'checkbox', name: 'always' });
  const hide = async () => {
    const { from, to } = moments();
    const time = always.checked ? {} : { start_time: from.toISOString(), end_time: to?.toISOString() ?? null };
    try {
      const report = await send('POST', '/api/v1/points/hidings', { device_id: device.value, area: bounds, ...time });
      dialog.close();
      forget();
      announce(plural('{n} point hidden', '{n} points hidden', report.points));
      await onChanged.call();
      offerRestore(report);
    } catch (error) {
      fill(problem, wordsOf(error));
    }
  };
  const dialog = el('dialog', { id: 'box-dialog', class: 'card login', 'aria-labelledby': 'box-title', on: { close: () => dialog.remove() } },
    el('form', { method: 'dialog' },
      el('h2', { id: 'box-title' }, tr('This box')),
      el('button', { type: 'button', class: 'primary', 'data-key': 'box-find', on: { click: () => { dialog.close(); change({ here: boxOf(bounds) }); } } }, tr('Tracks through it')),
      mayChange && devices.length > 0 && [
        el('h3', {}, tr('Hide points in it')),
        el('p', {}, tr('They leave the map, lists and downloads, late ones too, and can be brought back.')),
        el('label', {}, `${tr('Of')} `, device),
        el('label', { class: 'check' }, always, tr('At any time, not only in {range}', { range: rangeInWords() })),
        problem,
        el('button', { type: 'button', class: 'plain', 'data-key': 'box-hide', on: { click: hide } }, tr('Hide these points'))],
      el('p', { class: 'actions' }, el('button', { type: 'button', on: { click: () => dialog.close() } }, tr('Cancel')))));
  document.body.append(dialog);
  dialog.showModal();
}
