// Tokens: which there are, making one, revoking one.

import { get, send } from './api.js';
import { el, fill } from './dom.js';
import { moment } from './format.js';

const SCOPES = { ingest: 'send positions', read: 'look at everything', admin: 'do everything' };
let made = null; // the newest token with its secret, until the page is left

/** Draw the list and the form. `act` does something and draws anew. */
export async function drawTokens(box, { act, devices }) {
  const { tokens } = (await get('/api/v1/tokens')).data;
  const revoke = (one) => confirm(`Revoke “${one.name}”? Whoever uses it is locked out.`) && act(() => send('POST', `/api/v1/tokens/${encodeURIComponent(one.token_id)}/revoke`), 'Revoked');
  const create = async (event) => {
    event.preventDefault();
    const given = Object.fromEntries(new FormData(event.target));
    const isFirst = tokens.length === 0;
    await act(async () => {
      made = await send('POST', '/api/v1/tokens', { name: given.name, scope: given.scope, device_id: given.scope === 'ingest' && given.device ? given.device : null });
      // the first token ends access without one: whoever made it here must not be locked out
      if (isFirst && made.scope === 'admin') await send('POST', '/session', { token: made.secret });
    }, 'The token is made');
  };
  fill(box,
    el('p', { class: 'lead' }, 'Each phone, program and person gets one of its own, so that it can be revoked alone.'),
    made && el('div', { class: 'secret', role: 'status' }, el('p', {}, el('strong', {}, made.name), ': copy it now, it is shown only here.'), el('code', {}, made.secret)),
    el('ul', { class: 'entries', 'aria-label': 'Tokens' },
      tokens.length === 0 && el('li', { class: 'dim' }, 'There are none. Until the first is made, this machine gets in without; make one for admin first.'),
      tokens.map((one) => el('li', { class: one.revoked_at ? 'off' : '' },
        el('span', { class: 'words' }, el('strong', {}, one.name), ` · may ${SCOPES[one.scope]}`, one.device_id && ` of ${one.device_id}`, el('span', { class: 'dim' }, ` · since ${moment(one.created_at)}`)),
        one.revoked_at ? el('span', {}, 'revoked') : el('button', { type: 'button', class: 'plain', 'data-key': `revoke-${one.token_id}`, on: { click: () => revoke(one) } }, 'Revoke')))),
    el('h3', {}, 'New token'),
    el('form', { class: 'fields', 'aria-label': 'New token', on: { submit: create } },
      el('label', {}, 'Name ', el('input', { name: 'name', required: true, maxlength: 200, placeholder: 'phone of Anna', autocomplete: 'off' })),
      el('label', {}, 'It may ', el('select', { name: 'scope' }, Object.entries(SCOPES).map(([scope, words]) => el('option', { value: scope, selected: !tokens.length && scope === 'admin' }, words)))),
      el('label', {}, 'Only of the device (for sending) ', el('input', { name: 'device', maxlength: 200, list: 'token-devices', placeholder: 'any', autocomplete: 'off' })),
      el('datalist', { id: 'token-devices' }, devices.map((d) => el('option', { value: d.device_id }))),
      el('button', { type: 'submit', class: 'primary', 'data-key': 'make-token' }, 'Make')));
}
