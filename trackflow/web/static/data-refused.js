// Refused input: the newest, one of them whole, reading it again, deleting it.

import { get, send } from './api.js';
import { el, fill } from './dom.js';
import { count, counted, moment } from './format.js';

const MOST = 100;
let open = ''; // the id that is shown whole

/** Draw the list. `act` does something and draws anew. */
export async function drawRefused(box, { act }) {
  const { refused } = (await get(`/api/v1/quarantine?limit=${MOST}`)).data;
  const whole = refused.some((one) => one.id === open) ? (await get(`/api/v1/quarantine/${open}`)).data : null;
  const retry = (body) => act(() => send('POST', '/api/v1/quarantine/retry', body), (report) => `${counted(report.read_again, 'input')} read again, ${counted(report.points_added, 'point')} added`);
  const remove = (body) => act(() => send('POST', '/api/v1/quarantine/delete', body), (report) => `${count(report.deleted)} deleted`);
  const show = (id) => {
    open = open === id ? '' : id;
    act(async () => {});
  };
  fill(box,
    el('p', { class: 'lead' }, 'Kept whole, with the reason. What can be read by now leaves this list when it is read again.'),
    refused.length > 0 && el('p', { class: 'undo' },
      el('button', { type: 'button', class: 'plain', 'data-key': 'retry-all', on: { click: () => retry({}) } }, 'Read all again'),
      el('span', { class: 'dim' }, refused.length === MOST ? `The newest ${MOST} are shown.` : counted(refused.length, 'input'))),
    el('ul', { class: 'entries', 'aria-label': 'Refused input' }, refused.length === 0 && el('li', { class: 'dim' }, 'Nothing was refused.'),
      refused.map((one) => el('li', {},
        el('span', { class: 'words' }, el('strong', {}, one.reason.replaceAll('_', ' ')), ` · ${one.where}`, one.device_id && ` · ${one.device_id}`, el('span', { class: 'dim' }, ` · ${moment(one.received_at)}`)),
        el('button', { type: 'button', class: 'link', 'aria-expanded': one.id === open, 'data-key': `show-${one.id}`, on: { click: () => show(one.id) } }, one.id === open ? 'Less' : 'Show'),
        el('button', { type: 'button', class: 'link', 'data-key': `retry-${one.id}`, on: { click: () => retry({ ids: [one.id] }) } }, 'Read again'),
        el('button', { type: 'button', class: 'link bad', 'data-key': `delete-${one.id}`, on: { click: () => confirm('Delete this input? It cannot be taken back.') && remove({ ids: [one.id] }) } }, 'Delete'),
        whole && one.id === open && [whole.advice && el('p', {}, whole.advice), el('pre', { class: 'raw-text' }, whole.raw)]))));
}
