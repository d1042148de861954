// The page of numbers: totals with the period before, a calendar of years, bars, and tables.

import { get, withQuery } from './api.js';
import { announce, byId, el, empty, fill, onDate, setDate } from './dom.js';
import { dayWords } from './format.js';
import { installLogin } from './login.js';
import { nameOf, setLooks } from './looks.js';
import { drawBars } from './numbers-bars.js';
import { drawCalendar } from './numbers-calendar.js';
import { been, groupTable, tiles } from './numbers-figures.js';
import { PRESETS, asDay, fittingPeriod, presetDays } from './numbers-range.js';
import { noPoints } from './no-points.js';
import { beginPage, isTriedAgain, tellAndRetry, tellProblem } from './problems.js';
import { readSettings } from './settings.js';
import { plural, tr } from './words.js';
import { dayOf } from './zones.js';

const MOST_GROUPS = 100;
const MOST_LISTED = 500;
const CHOICES = ['from', 'to', 'by', 'per', 'device', 'measure'];

let today = asDay(new Date());
let asked = 0;
let known = []; // devices
let byPeriod = null;

const choice = () => Object.fromEntries(CHOICES.map((name) => [name, byId(name).value]));

function writeAddress() {
  const defaults = { per: 'device', measure: 'distance_m' };
  const told = Object.fromEntries(Object.entries(choice()).map(([name, value]) => [name, value === defaults[name] ? '' : value]));
  history.replaceState(null, '', withQuery(location.pathname, { ...told, all: !told.from && !told.to ? 'yes' : '' }));
}

function setDays(days) {
  ['from', 'to'].forEach((name, k) => setDate(byId(name), days?.[k] ?? ''));
}

function drawPresets() {
  const { from, to } = choice();
  fill(byId('presets'), PRESETS.map(([name, words]) => {
    const days = presetDays(name, today) ?? ['', ''];
    const chosen = days[0] === from && days[1] === to;
    return el('button', { type: 'button', 'aria-pressed': chosen, data: { key: name }, on: { click: () => { setDays(presetDays(name, today)); refresh(); } } }, words);
  }));
}

function drawFiles(query) {
  const address = (format, more) => withQuery('/api/v1/numbers/file', { ...query, ...more, format });
  const link = (href, words) => el('a', { class: 'link', href, download: '' }, words);
  fill(byId('files'), el('span', { class: 'dim' }, tr('Download:')), link(address('csv', { by: byPeriod.by }), 'CSV'), link(address('xlsx', { by: byPeriod.by, per: byId('per').value }), 'Excel'), query.device && monthFiles(query.device, link));
}

/** Reports to print of the chosen device: of the last month that is shown, and others by its choice. */
function monthFiles(device, link) {
  const last = byPeriod.last_day && byPeriod.last_day < today ? byPeriod.last_day : today;
  const month = el('input', { type: 'month', value: last.slice(0, 7), 'aria-label': tr('Month of the report') });
  const address = () => withQuery('/api/v1/numbers/month', { device, month: month.value });
  const report = link(address(), tr('Report to print (PDF)'));
  setDate(month, month.value);
  onDate(month, () => { report.href = address(); });
  return [report, month];
}

function drawPeriods() {
  if (!byPeriod?.first_day) return fill(byId('bars'));
  drawBars(byId('bars'), byPeriod.rows, { first: byPeriod.first_day, last: byPeriod.last_day, by: byPeriod.by, measure: byId('measure').value });
}

const rangeWords = (first, last) => (first ? `${dayWords(first)} – ${dayWords(last)}` : tr('no tracks yet'));

function draw(byDay, groups, query) {
  byId('range-words').textContent = `${rangeWords(byDay.first_day, byDay.last_day)} (${tr('days of {zone}', { zone: byDay.time_zone })})`;
  fill(byId('totals'), tiles(byDay.totals, byDay.before));
  byId('before-words').textContent = byDay.before ? tr('Compared with {range}.', { range: rangeWords(byDay.before.first_day, byDay.before.last_day) }) : '';
  if (byDay.totals.trips || byDay.totals.distance_m) drawCalendar(byId('calendar'), byDay.rows, byDay.first_day, byDay.last_day);
  else fill(byId('calendar'), query.from || query.to ? empty(tr('Nothing moved in this time.'), tr('Choose another time, or “All”.')) : known.length ? empty(tr('No tracks yet'), tr('There are points, but no way is made of them yet.')) : noPoints());
  drawPeriods();
  const choose = groups.per === 'device' && ((id) => { selectDevice(id); refresh(); });
  fill(byId('groups'), groups.groups.length > 0 && groupTable(groups, { most: MOST_GROUPS, choose }));
  drawFiles(query);
}

function selectDevice(id) {
  const list = byId('device');
  if (![...list.options].some((one) => one.value === id)) list.append(el('option', { value: id }, nameOf(id)));
  list.value = id;
}

/** Load what is chosen and draw it. */
async function load() {
  const mine = (asked += 1);
  const { from, to, by, per, device } = choice();
  const query = { from, to, device };
  drawPresets();
  const of = (more) => get(withQuery('/api/v1/numbers', { ...query, ...more })).then((answer) => answer.data);
  const places = get(withQuery('/api/v1/numbers/visited', query));
  const [byDay, groups] = await Promise.all([of({ by: 'day' }), of({ by: 'year', per })]);
  const fitting = by || (byDay.first_day ? fittingPeriod(byDay.first_day, byDay.last_day) : 'month');
  const periods = fitting === 'day' ? byDay : await of({ by: fitting });
  if (mine !== asked) return;
  byPeriod = periods;
  draw(byDay, groups, query);
  writeAddress();
  const { data: visited } = await places; // the slowest: another choice may have been made meanwhile
  if (mine !== asked) return;
  fill(byId('visited'), been(visited));
  tellProblem(null);
  announce(plural('{n} trip', '{n} trips', byDay.totals.trips));
  document.body.dataset.ready = String(mine);
}

const refresh = () => load().catch((error) => tellAndRetry(error, load));

/** What the address says; without it the last twelve months, or all time if nothing moved then. */
async function readAddress() {
  const given = new URLSearchParams(location.search);
  for (const name of CHOICES) {
    if (name === 'device' && given.get(name)) selectDevice(given.get(name));
    else if (['from', 'to'].includes(name)) setDate(byId(name), given.get(name) ?? '');
    else if (given.has(name)) byId(name).value = given.get(name);
  }
  if (given.has('from') || given.has('to') || given.has('all')) return;
  const [from, to] = presetDays('year-back', today);
  const { data } = await get(withQuery('/api/v1/numbers', { from, to, by: 'year', device: given.get('device') }));
  setDays(data.totals.trips ? [from, to] : null);
}

async function begin() {
  const [, { data: found }] = await Promise.all([readSettings(), get('/api/v1/devices')]);
  today = dayOf(Date.now());
  known = found.devices;
  setLooks(known);
  const ids = known.map((one) => one.device_id);
  fill(byId('device'), el('option', { value: '' }, tr('devices|all')), ids.slice(0, MOST_LISTED).map((id) => el('option', { value: id }, nameOf(id))));
  await readAddress();
  try {
    await load();
  } catch (error) {
    if (isTriedAgain(error)) throw error;
    tellProblem(error); // a range that there is not: the reader chooses another one
  }
}

addEventListener('resize', drawPeriods);
installLogin({ opens: tr('Open the numbers'), begin: () => beginPage(begin) });
byId('choice').addEventListener('submit', (event) => event.preventDefault());
byId('choice').addEventListener('change', (event) => event.target.type !== 'date' && refresh());
/** As on the map: where a time would end before it begins, the other day follows. */
for (const [name, other, isWrong] of [['from', 'to', (day, its) => its < day], ['to', 'from', (day, its) => its > day]]) {
  onDate(byId(name), (day) => {
    if (byId(other).value && isWrong(day, byId(other).value)) setDate(byId(other), day);
    refresh();
  });
}
byId('by').addEventListener('change', () => refresh());
byId('per').addEventListener('change', () => refresh());
byId('measure').addEventListener('change', () => { drawPeriods(); writeAddress(); });
beginPage(begin);
