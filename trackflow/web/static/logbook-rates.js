// The table of rates: what is paid per kilometre or mile, shown as its file, replaced, and taken back.

import { get, send } from './api.js';
import { categoryName } from './codes.js';
import { el, fill, tell } from './dom.js';
import { dayWords } from './format.js';
import { KINDS } from './logbook-vehicles.js';
import { wordsOf } from './problems.js';
import { isolated, tr } from './words.js';

const EXAMPLE = `# The numbers are an example: look yours up.
[[rate]]
id = "own-car"
from = ${new Date().getUTCFullYear()}-01-01
category = "business"
currency = "EUR"
unit = "km"
amount = "0.30"
`;

const quoted = (text) => JSON.stringify(text).replaceAll('\u007f', '\\u007f');

/** A rate as it stands in a file. */
function tomlOf(rate) {
  const [first, ...more] = rate.tiers;
  const tier = ({ up_to: limit, amount }) => `{ ${limit === null ? '' : `up_to = "${limit}", `}amount = "${amount}" }`;
  return [
    '[[rate]]', `id = ${quoted(rate.rate_id)}`, `from = ${rate.valid_from}`, rate.valid_until && `until = ${rate.valid_until}`,
    rate.category && `category = ${quoted(rate.category)}`, rate.vehicle_kind && `vehicle_kind = ${quoted(rate.vehicle_kind)}`,
    `currency = ${quoted(rate.currency)}`, `unit = ${quoted(rate.unit)}`, `year_start = "${rate.year_start}"`, `per = "${rate.per}"`,
    rate.source && `source = ${quoted(rate.source)}`, more.length ? `tiers = [${rate.tiers.map(tier).join(', ')}]` : `amount = "${first.amount}"`,
  ].filter(Boolean).map((line) => `${line}\n`).join('');
}

function row(rate) {
  const paid = rate.tiers.map(({ up_to: limit, amount }) => (limit === null ? amount : tr('{amount} up to {limit} {unit}', { amount, limit, unit: rate.unit }))).join(', ');
  const time = `${dayWords(rate.valid_from)} – ${rate.valid_until ? dayWords(rate.valid_until) : tr('now on')}`;
  const about = [time, categoryName(rate.category) ?? tr('all categories'), KINDS[rate.vehicle_kind], rate.per === 'driver' && tr('counted per driver'), rate.source && isolated(rate.source)];
  return el('li', {}, el('span', { class: 'words' }, el('strong', {}, isolated(rate.rate_id)), ` · ${paid} ${rate.currency} / ${rate.unit}`, el('span', { class: 'dim' }, ` · ${about.filter(Boolean).join(' · ')}`)));
}

/** Show the rates in `box`; `saved` is called once others pay. */
export async function installRates(box, { mayChange, saved }) {
  const { data } = await get('/api/v1/rates');
  const result = el('div', { tabindex: '-1' });
  const list = el('div', {});
  const text = el('textarea', { class: 'rules-text', id: 'rates-text', 'aria-label': tr('Rates as TOML'), spellcheck: 'false' });
  let shown = ''; // the table that is drawn: of two people who change it, the second is told

  function draw({ rates }) {
    shown = rates.map(tomlOf).join('\n');
    text.value = shown || EXAMPLE;
    fill(list, rates.length ? el('ul', { class: 'entries', 'aria-label': tr('Rates') }, rates.map(row)) : el('p', { class: 'dim' }, tr('There are none yet: no trip is paid anything. Below is an example.')));
  }

  async function put(toml) {
    const before = shown;
    try {
      draw(await send('PUT', '/api/v1/rates', { toml, made_from: before }));
      tell(tr('Saved'));
      fill(result, el('button', { type: 'button', class: 'plain', 'data-key': 'undo-rates', on: { click: () => put(before) } }, tr('Take back')));
      await saved();
    } catch (error) {
      if (error.status === 409) draw((await get('/api/v1/rates')).data);
      fill(result, el('p', { class: 'bad', role: 'alert' }, error.status === 409 ? tr('Others have changed the rates meanwhile. They are shown as they are now: change them again.') : wordsOf(error)));
    }
  }

  draw(data);
  fill(box, list, mayChange && [
    el('p', { class: 'dim' }, tr('The whole table is replaced. Closed trips keep what they were paid.')), text,
    el('div', { class: 'files' }, el('button', { type: 'button', class: 'primary', id: 'save-rates', on: { click: () => put(text.value) } }, tr('Save'))), result]);
}
