// Refused input: the newest, one of them whole, reading it again, deleting it.

import { get, send } from './api.js';
import { confirmed } from './asking.js';
import { refusalName } from './codes.js';
import { el, english } from './dom.js';
import { moment } from './format.js';
import { isolated, plural, tr } from './words.js';

const MOST = 100;
let open = ''; // the id that is shown whole

/** The list. `act` does something and draws anew. */
export async function drawRefused({ act, again }) {
  const { refused } = (await get(`/api/v1/quarantine?limit=${MOST}`)).data;
  const whole = refused.some((one) => one.id === open) ? (await get(`/api/v1/quarantine/${open}`)).data : null;
  const retry = (body) => act(null, () => send('POST', '/api/v1/quarantine/retry', body), (report) => `${plural('{n} input read again', '{n} inputs read again', report.read_again)}, ${plural('{n} point added', '{n} points added', report.points_added)}`);
  const remove = (body) => act(null, () => send('POST', '/api/v1/quarantine/delete', body), (report) => plural('{n} deleted', '{n} deleted', report.deleted));
  const show = (id) => {
    open = open === id ? '' : id;
    again();
  };
  return [
    el('p', { class: 'lead' }, tr('Kept whole, with the reason. What can be read by now leaves this list when it is read again.')),
    refused.length > 0 && el('p', { class: 'undo' },
      el('button', { type: 'button', class: 'plain', 'data-key': 'retry-all', on: { click: () => retry({}) } }, tr('Read all again')),
      el('span', { class: 'dim' }, refused.length === MOST ? tr('The newest {n} are shown.', { n: MOST }) : plural('{n} input', '{n} inputs', refused.length))),
    el('ul', { class: 'entries', 'aria-label': tr('Refused input') }, refused.length === 0 && el('li', { class: 'dim' }, tr('Nothing was refused.')),
      refused.map((one) => el('li', {},
        el('span', { class: 'words' }, el('strong', {}, refusalName(one.reason)), ' · ', english(one.where), one.device_id && ` · ${isolated(one.device_id)}`, el('span', { class: 'dim' }, ` · ${moment(one.received_at)}`)),
        el('button', { type: 'button', class: 'link', 'aria-expanded': one.id === open, 'data-key': `show-${one.id}`, on: { click: () => show(one.id) } }, one.id === open ? tr('Less') : tr('Show')),
        el('button', { type: 'button', class: 'link', 'data-key': `retry-${one.id}`, on: { click: () => retry({ ids: [one.id] }) } }, tr('Read again')),
        el('button', { type: 'button', class: 'link bad', 'data-key': `delete-${one.id}`, on: { click: async () => await confirmed(tr('Delete this input?'), tr('It cannot be taken back.'), tr('Delete')) && remove({ ids: [one.id] }) } }, tr('Delete')),
        whole && one.id === open && [whole.advice && el('p', {}, english(whole.advice)), el('pre', { class: 'raw-text' }, whole.raw)]))),
  ];
}
