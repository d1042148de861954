// For which time each version of the rules is used: said for a time in the past, and taken back.

import { get, send } from './api.js';
import { el, fill, tell } from './dom.js';
import { moment } from './format.js';
import { plural, tr } from './words.js';
import { midnight, zoneName } from './zones.js';

const MOST = 12;
const DAY_MS = 86400000;

/** The midnight that ends a day. */
const endOf = (day) => midnight(new Date(Date.parse(`${day}T00:00Z`) + DAY_MS).toISOString().slice(0, 10));

/** Show in `box` what is used when; `changed` is called once another version decides. */
export function installRuleUses(box, { mayChange, changed, failed }) {
  async function draw() {
    const { versions, uses } = (await get('/api/v1/rules/history')).data;
    const count = uses.filter((one) => !one.undone_at);
    fill(box, versions.length > 0 && [
      el('h3', {}, tr('Which version is used when')),
      el('p', { class: 'dim' }, tr('Of two that cover a trip, the newer one decides.')),
      el('ul', { class: 'entries', 'aria-label': tr('Which version is used when') }, count.slice(0, MOST).map(row)),
      mayChange && past(versions)]);
  }

  async function act(ask, words) {
    try {
      const { changed: trips } = await ask();
      failed(null);
      tell(`${words}: ${plural('{n} trip is decided anew', '{n} trips are decided anew', trips)}`);
      await draw();
      await changed();
    } catch (error) {
      failed(error);
    }
  }

  function row(one) {
    const name = tr('Version {version}', { version: one.version });
    const time = `${one.from_time ? moment(one.from_time) : tr('the beginning')} – ${one.until_time ? moment(one.until_time) : tr('now on')}`;
    const undo = () => act(() => send('POST', '/api/v1/rules/undo', { use_no: one.use_no }), tr('Taken back'));
    return el('li', {}, el('span', { class: 'words' }, el('strong', {}, name), ` · ${time}`, el('span', { class: 'dim' }, ` · ${tr('by {who}', { who: one.used_by })}, ${moment(one.used_at)}`)),
      mayChange && el('button', { type: 'button', class: 'link', 'data-key': `undo-use-${one.use_no}`, 'aria-label': `${tr('Take back')}: ${name}, ${time}`, on: { click: undo } }, tr('Take back')));
  }

  function past(versions) {
    const field = (words, input) => el('label', {}, `${words} `, input);
    const use = (event) => {
      event.preventDefault();
      const given = Object.fromEntries(new FormData(event.target));
      act(() => send('POST', '/api/v1/rules/apply', { version: Number(given.version), from: midnight(given.from).toISOString(), to: endOf(given.to).toISOString() }), tr('Used'));
    };
    return el('form', { class: 'fields', 'aria-label': tr('Use a version for the past'), on: { submit: use } },
      field(tr('Use for the past'), el('select', { name: 'version' }, versions.map((one) => el('option', { value: one.version }, tr('Version {version}', { version: one.version }))))),
      field(tr('From ({zone})', { zone: zoneName() }), el('input', { type: 'date', name: 'from', required: true })),
      field(tr('To, included ({zone})', { zone: zoneName() }), el('input', { type: 'date', name: 'to', required: true })),
      el('button', { type: 'submit', class: 'primary', 'data-key': 'use-rules' }, tr('Use')));
  }

  return draw();
}
