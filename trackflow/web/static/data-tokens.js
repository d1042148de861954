// Tokens: which there are, making one, revoking one.

import { get, send } from './api.js';
import { confirmed } from './asking.js';
import { el, tell } from './dom.js';
import { moment } from './format.js';
import { tr } from './words.js';

const SCOPES = { ingest: tr('send positions'), read: tr('look at everything'), admin: tr('do everything') };
const MAY = { ingest: tr('may send positions'), read: tr('may look at everything'), admin: tr('may do everything') };
let made = null; // the newest token with its secret, until the page is left

const isHere = (address) => ['localhost', '127.0.0.1', '[::1]'].includes(new URL(address).hostname);

async function copy(text, said) {
  await navigator.clipboard.writeText(text);
  tell(tr('{what} copied', { what: said }));
}

const copyButton = (text, what, label) => navigator.clipboard && el('button', { type: 'button', class: 'link', 'aria-label': label, on: { click: () => copy(text, what) } }, tr('Copy'));

/** What each app has to be told: a code to scan where it knows one, and its settings to copy. */
function setups(token) {
  const address = Object.values(token.setups[0].fields).find((value) => value.startsWith('http'));
  return [
    el('h3', {}, tr('Set up the app on {device}', { device: token.device_id ?? token.name })),
    isHere(address) && el('p', { class: 'bad' }, tr('A phone cannot reach this address: open this page by one that it can reach, or set TRACKFLOW_PUBLIC_URL.')),
    el('div', { class: 'apps' }, token.setups.map((one, k) => el('details', { name: 'app', open: k === 0 },
      el('summary', { 'data-key': `app-${one.app}` }, one.app),
      one.link && el('div', { class: 'scan' },
        el('img', { src: one.picture, alt: tr('QR code that sets up {app}', { app: one.app }), width: 240, height: 240 }),
        el('p', {}, tr('Scan it with the phone, or {open} on the phone itself. By hand:', { open: el('a', { href: one.link }, tr('open it in {app}', { app: one.app })) }))),
      el('dl', {}, Object.entries(one.fields).map(([name, value]) => [
        el('dt', {}, name),
        el('dd', {}, el('code', {}, value), ' ', copyButton(value, name, tr('Copy {what} of {app}', { what: name, app: one.app }))),
      ]))))),
  ];
}

/** The list and the form. `act` does something and draws anew. */
export async function drawTokens({ act, devices }) {
  const { tokens } = (await get('/api/v1/tokens')).data;
  if (tokens.find((one) => one.token_id === made?.token_id)?.revoked_at) made = null;
  const revoke = async (one) => await confirmed(tr('Revoke “{name}”?', { name: one.name }), tr('Whoever uses it is locked out.'), tr('Revoke')) && act(null, () => send('POST', `/api/v1/tokens/${encodeURIComponent(one.token_id)}/revoke`), tr('Revoked'));
  const create = async (event) => {
    event.preventDefault();
    const given = Object.fromEntries(new FormData(event.target));
    const isFirst = tokens.length === 0;
    await act(event.target, async () => {
      made = await send('POST', '/api/v1/tokens', { name: given.name, scope: given.scope, device_id: given.scope === 'ingest' && given.device ? given.device : null });
      // the first token ends access without one: whoever made it here must not be locked out
      if (isFirst && made.scope === 'admin') await send('POST', '/session', { token: made.secret });
    }, tr('The token is made'));
  };
  return [
    el('p', { class: 'lead' }, tr('Each phone, program and person gets one of its own, so that it can be revoked alone.')),
    made && el('div', { class: 'secret', role: 'status' }, el('p', {}, tr('{name}: copy it now, it is shown only here.', { name: el('strong', {}, made.name) })), el('code', {}, made.secret), ' ', copyButton(made.secret, made.name, tr('Copy the token')), made.setups.length > 0 && setups(made)),
    el('ul', { class: 'entries', 'aria-label': tr('Tokens') },
      tokens.length === 0 && el('li', { class: 'dim' }, tr('There are none. Until the first is made, this machine gets in without; make one for admin first.')),
      tokens.map((one) => el('li', { class: one.revoked_at ? 'off' : '' },
        el('span', { class: 'words' }, el('strong', {}, one.name), ` · ${MAY[one.scope]}`, one.device_id && ` ${tr('token|of {device}', { device: one.device_id })}`, el('span', { class: 'dim' }, ` · ${tr('since {time}', { time: moment(one.created_at) })}`)),
        one.revoked_at ? el('span', {}, tr('revoked')) : el('button', { type: 'button', class: 'plain', 'data-key': `revoke-${one.token_id}`, on: { click: () => revoke(one) } }, tr('Revoke'))))),
    el('h3', {}, tr('New token')),
    el('form', { class: 'fields', 'aria-label': tr('New token'), data: { form: 'token' }, on: { submit: create } },
      el('label', {}, `${tr('Name')} `, el('input', { name: 'name', required: true, maxlength: 200, placeholder: tr('phone of Anna'), autocomplete: 'off' })),
      // the first one is for whoever is here: any other would lock them out
      el('label', {}, `${tr('It may')} `, el('select', { name: 'scope' }, Object.entries(SCOPES).filter(([scope]) => tokens.length || scope === 'admin').map(([scope, words]) => el('option', { value: scope }, words)))),
      el('label', {}, `${tr('Only of the device (for sending)')} `, el('input', { name: 'device', maxlength: 200, list: 'token-devices', placeholder: tr('device|any'), autocomplete: 'off' })),
      el('datalist', { id: 'token-devices' }, devices.map((d) => el('option', { value: d.device_id }))),
      el('button', { type: 'submit', class: 'primary', 'data-key': 'make-token' }, tr('Make'))),
  ];
}
