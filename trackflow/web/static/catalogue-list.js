// The list of the race tracks: filtered and sorted in the browser, on the map and as a table.

import { get, withQuery } from './api.js';
import { drawTrack, webLink } from './catalogue-details.js';
import { showOnMap } from './catalogue-map.js';
import { countryName } from './country-names.js';
import { announce, byId, el, empty, fill, stacks } from './dom.js';
import { count } from './format.js';
import { LOCALE, plural, tr } from './words.js';

const PAGE = 50;
const AT_ONCE = 1000; // rows of an answer
const COLUMNS = [
  ['name', tr('Name')], ['city', tr('City')], ['country', tr('Country')], ['phone', tr('Phone')], ['website', tr('Website')], ['laps', tr('Laps')], ['events', tr('Events')],
];
const NUMBERS = new Set(['laps', 'events']);
const order = new Intl.Collator(LOCALE, { numeric: true, sensitivity: 'base' });

const list = { source: null, all: [], found: [], text: '', active: 'yes', country: '', sort: 'name', down: false, most: PAGE, chosen: null };
let sources = [];
let asked = 0;
let told = () => {};

/** Wire the form and the address; `problem` is called with what goes wrong. */
export function installList(problem) {
  told = problem;
  followAddress();
  byId('search').addEventListener('submit', (event) => event.preventDefault());
  byId('text').addEventListener('input', filter);
  for (const id of ['active', 'country', 'sort']) byId(id).addEventListener('change', filter);
  globalThis.addEventListener('hashchange', async () => {
    const { source } = list;
    followAddress();
    await (source === list.source ? draw() : loadList(sources));
    await showChosen();
  });
}

const firstSource = () => (sources.find((s) => s.active) ?? sources[0])?.source ?? null;

/** Read the whole list of the source that is shown; the first one with race tracks if none was chosen. */
export async function loadList(known) {
  sources = known;
  const isChosen = known.some((s) => s.source === list.source) && (list.all.length || new URLSearchParams(location.hash.slice(1)).has('source'));
  if (!isChosen) list.source = firstSource();
  if (!list.source) return;
  asked += 1;
  const mine = asked;
  const rows = [];
  try {
    for (let after = ''; after !== null;) {
      const { data } = await get(withQuery('/api/v1/catalogue/tracks', { source: list.source, active: 'all', limit: AT_ONCE, after }));
      if (mine !== asked) return;
      rows.push(...data.tracks);
      after = data.next;
    }
  } catch (error) {
    told(error);
    return;
  }
  list.all = rows;
  drawCountries();
  await draw();
}

const shownCountry = (t) => countryName(t.country, t.country_code);
/** What a column says of a race track: the name of its country in the reader's language. */
const said = (t, name) => (name === 'country' ? shownCountry(t) : t[name]) ?? null;

function drawCountries() {
  const names = new Map(list.all.filter((t) => t.country).map((t) => [t.country, shownCountry(t)]));
  const options = [...names].sort(([, a], [, b]) => order.compare(a, b)).map(([value, name]) => el('option', { value }, name));
  fill(byId('country'), el('option', { value: '' }, tr('all countries')), options);
  list.country = names.has(list.country) ? list.country : '';
  byId('country').value = list.country;
}

function filter() {
  Object.assign(list, { text: byId('text').value.trim(), active: byId('active').value, country: byId('country').value, most: PAGE });
  [list.sort, list.down] = byId('sort').value.startsWith('-') ? [byId('sort').value.slice(1), true] : [byId('sort').value, false];
  writeAddress();
  draw();
}

function sortBy(name) {
  list.down = list.sort === name ? !list.down : NUMBERS.has(name);
  list.sort = name;
  writeAddress();
  draw();
}

/** What the filter leaves, in the order that is wanted; the unknown comes last. */
function rowsFound() {
  const words = list.text.toLowerCase();
  const has = (t) => !words || [t.slug, t.name, t.city, t.country, shownCountry(t)].some((value) => value?.toLowerCase().includes(words));
  const is = { yes: (t) => t.is_active, no: (t) => !t.is_active, all: () => true }[list.active];
  const sign = list.down ? -1 : 1;
  const compare = NUMBERS.has(list.sort) ? (a, b) => a - b : order.compare;
  return list.all.filter((t) => is(t) && has(t) && (!list.country || t.country === list.country)).sort((a, b) => {
    const [x, y] = [said(a, list.sort), said(b, list.sort)];
    if (x === null || y === null) return (x === null) - (y === null) || order.compare(a.name, b.name);
    return sign * compare(x, y) || order.compare(a.name, b.name);
  });
}

async function draw() {
  list.found = rowsFound();
  const columns = COLUMNS.filter(([name]) => ['name', 'city', 'country'].includes(name) || list.found.some((t) => t[name] !== null));
  fill(byId('list-sources'), sources.length > 1 && sources.map((s) => el('button', {
    type: 'button', class: 'plain', 'data-key': `list-${s.source}`, 'aria-pressed': s.source === list.source, on: { click: () => changeSource(s.source) },
  }, s.source)));
  byId('sort').value = [...byId('sort').options].some((o) => o.value === (list.down ? '-' : '') + list.sort) ? (list.down ? '-' : '') + list.sort : list.sort;
  const [found, all] = [list.found.length, list.all.length];
  byId('found').textContent = found === all ? plural('{n} race track', '{n} race tracks', found) : plural('{found} of {n} race track', '{found} of {n} race tracks', all, { found: count(found) });
  const query = { source: list.source, text: list.text, country: list.country, active: list.active };
  for (const format of ['csv', 'geojson']) byId(`as-${format}`).href = withQuery('/api/v1/catalogue/export', { ...query, format });
  fill(byId('tracks'), found ? drawTable(columns) : nothing(),
    found > list.most && el('button', { type: 'button', class: 'plain more', 'data-key': 'more', on: { click: () => { list.most += PAGE; draw(); } } },
      tr('Show more of {n}', { n: count(found) })));
  try {
    await showOnMap(byId('map'), list.found, list.chosen, choose);
  } catch (error) {
    told(error);
  }
}

const nothing = () => (list.all.length ? empty(tr('No such race tracks'), tr('Other words, or another country, may find some.')) : empty(tr('No race tracks yet'), tr('A sync fills the catalogue.')));

function drawTable(columns) {
  const hasMesh = list.found.some((t) => t.mesh_id);
  return el('div', { class: 'table-box' }, stacks(el('table', {},
    el('thead', {}, el('tr', {},
      columns.map(([name, words]) => el('th', { scope: 'col', class: NUMBERS.has(name) ? 'number' : null, 'aria-sort': list.sort === name ? (list.down ? 'descending' : 'ascending') : 'none' },
        el('button', { type: 'button', class: 'sort', 'data-key': `sort-${name}`, on: { click: () => sortBy(name) } }, words))),
      hasMesh && el('th', { scope: 'col' }, tr('Mesh')))),
    el('tbody', {}, list.found.slice(0, list.most).map((t) => el('tr', { class: t.is_active ? null : 'gone', 'aria-current': t.slug === list.chosen ? 'true' : null },
      columns.map(([name]) => el('td', { class: NUMBERS.has(name) ? 'number' : null }, cell(t, name))),
      hasMesh && el('td', {}, t.mesh_id && meshLink(t))))))));
}

function cell(t, name) {
  if (name === 'name') return el('button', { type: 'button', class: 'choose', 'data-key': `track-${t.slug}`, on: { click: () => choose(t.slug) } }, t.name);
  if (t[name] === null) return '';
  if (name === 'website') return webLink(t.website);
  return NUMBERS.has(name) ? count(t[name]) : said(t, name);
}

export const meshLink = (t, isLarge = false) => el('a', { class: isLarge ? 'mesh-link large' : 'mesh-link', href: `/meshes/${encodeURIComponent(t.mesh_id)}`, 'aria-label': tr('Mesh of {name}', { name: t.name }) },
  el('img', { src: `/api/v1/meshes/${encodeURIComponent(t.mesh_id)}/files/thumbnail.png`, alt: '', loading: 'lazy' }));

// ---- the chosen one ------------------------------------------------------------------------

async function choose(slug) {
  list.chosen = slug;
  writeAddress();
  await Promise.all([draw(), showChosen()]);
}

async function unchoose() {
  const slug = list.chosen;
  await choose(null);
  [...byId('tracks').querySelectorAll('[data-key]')].find((one) => one.dataset.key === `track-${slug}`)?.focus();
}

/** Show the details of the race track that the address names. */
export async function showChosen() {
  const box = byId('track');
  const { source, chosen } = list;
  if (!chosen || !source) {
    box.hidden = true;
    return;
  }
  try {
    const parts = await drawTrack(source, chosen, { close: unchoose, meshLink });
    if (chosen !== list.chosen) return;
    fill(box, parts);
    box.hidden = false;
    box.focus({ preventScroll: true });
    box.scrollIntoView({ block: 'nearest' });
    announce(tr('Details of {name}', { name: chosen }));
  } catch (error) {
    if (error.status === 404) list.chosen = null;
    box.hidden = true;
    told(error);
  }
}

async function changeSource(source) {
  Object.assign(list, { source, chosen: null, country: '', most: PAGE });
  writeAddress();
  await Promise.all([loadList(sources), showChosen()]);
}

// ---- the address ---------------------------------------------------------------------------

function writeAddress() {
  const sort = (list.down ? '-' : '') + list.sort;
  const parts = {
    source: list.source !== firstSource() && list.source, track: list.chosen, text: list.text,
    active: list.active !== 'yes' && list.active, country: list.country, sort: sort !== 'name' && sort,
  };
  const kept = new URLSearchParams(Object.entries(parts).filter(([, value]) => value));
  history.replaceState(null, '', kept.size ? `#${kept}` : location.pathname);
}

function followAddress() {
  const found = new URLSearchParams(location.hash.slice(1));
  const sort = found.get('sort') ?? 'name';
  const name = sort.replace(/^-/, '');
  Object.assign(list, {
    source: found.get('source') ?? firstSource(), chosen: found.get('track'), text: found.get('text') ?? '',
    active: ['no', 'all'].includes(found.get('active')) ? found.get('active') : 'yes', country: found.get('country') ?? '',
    sort: COLUMNS.some(([known]) => known === name) ? name : 'name', down: sort.startsWith('-'),
  });
  byId('text').value = list.text;
  byId('active').value = list.active;
  byId('country').value = list.country;
}
