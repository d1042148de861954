// The page of the data: imports, downloads, hidden points, rebuilding, refused input, tokens.

import { forget, get, send, withQuery } from './api.js';
import { drawDevices } from './data-devices.js';
import { drawHidden } from './data-hidden.js';
import { drawRefused } from './data-refused.js';
import { drawTokens } from './data-tokens.js';
import { FORMATS } from './doing.js';
import { announce, byId, el, fill } from './dom.js';
import { counted, moment } from './format.js';
import { installLogin } from './login.js';
import { importInto, installDrop, onImported, undoneWords } from './upload.js';

const SUBJECTS = { tracks: 'tracks', points: 'points', stays: 'stays and places', visits: 'visits to race tracks', legs: 'legs by travel mode' };
const FEW = 3;
const SHOWN = 50;
let mayChange = false;
let devices = [];

function problem(error) {
  if (error?.name === 'AbortError' || error?.status === 401) return;
  byId('problem').hidden = !error;
  byId('problem').textContent = error?.message ?? '';
}

/** Do something, then draw the page's lists anew; what goes wrong is said at the top. */
async function act(ask, said) {
  try {
    problem(null);
    const answer = await ask();
    forget();
    if (said) announce(typeof said === 'function' ? said(answer) : said);
    await refresh();
    return answer;
  } catch (error) {
    problem(error);
    return null;
  }
}

// ---- imports -------------------------------------------------------------------------------

const fields = () => ({
  device: byId('import-device').value.trim(),
  time_zone: byId('import-zone').value.trim(),
  dates: byId('import-dates').value,
  dry_run: byId('import-dry').checked ? 'yes' : '',
});

const take = (files) => importInto(byId('import-result'), files, fields());

const few = (names, what) => (names.length > FEW ? `${names.slice(0, FEW).join(', ')} and ${counted(names.length - FEW, `more ${what}`)}` : names.join(', '));

async function drawImports() {
  const { imports } = (await get('/api/v1/imports')).data;
  const undo = (one) => act(() => send('POST', `/api/v1/imports/${encodeURIComponent(one.import_id)}/undo`), undoneWords);
  fill(byId('imports'), imports.length === 0 && el('li', { class: 'dim' }, 'There are no imports yet.'),
    imports.slice(0, SHOWN).map((one) => el('li', { class: one.undone_at ? 'off' : '' },
      el('span', { class: 'words' }, el('strong', {}, few(one.files, 'file') || 'no file with points'), ` · ${counted(one.points_added, 'point')}`,
        one.devices.length > 0 && ` of ${few(one.devices, 'device')}`, el('span', { class: 'dim' }, ` · ${moment(one.imported_at)} · ${one.import_id}`)),
      one.undone_at
        ? el('span', {}, 'undone')
        : el('button', { type: 'button', class: 'plain', 'data-key': `undo-${one.import_id}`, 'aria-label': `Undo the import of ${few(one.files, 'file')}`, on: { click: () => undo(one) } }, 'Undo'))));
}

// ---- downloads and rebuilding --------------------------------------------------------------

const deviceChoice = (name, all) => el('label', {}, 'Device ', el('select', { name }, el('option', { value: '' }, all), devices.map((d) => el('option', { value: d.device_id }, d.name ? `${d.name} (${d.device_id})` : d.device_id))));

const dayChoice = (words, name) => el('label', {}, words, el('input', { type: 'date', name }));

const nextDay = (day) => new Date(Date.parse(`${day}T00:00Z`) + 86400000).toISOString();

const choice = (words, name, options) => el('label', {}, words, el('select', { name }, Object.entries(options).map(([value, shown]) => el('option', { value }, shown))));

function drawDownload() {
  fill(byId('download'),
    choice('What ', 'subject', SUBJECTS), choice('As ', 'format', FORMATS),
    choice('Lines of tracks ', 'line', { '': 'usual', matched: 'on roads', raw: 'as reported' }),
    deviceChoice('device', 'all'), dayChoice('From ', 'from'), dayChoice('To, included (UTC) ', 'to'),
    el('button', { type: 'submit', class: 'primary', 'data-key': 'download' }, 'Download'));
}

byId('download').addEventListener('submit', (event) => {
  event.preventDefault();
  const { subject, from, to, ...rest } = Object.fromEntries(new FormData(event.target));
  const query = { ...rest, from: from && `${from}T00:00:00Z`, to: to && nextDay(to) };
  const link = el('a', { href: withQuery(`/api/v1/exports/${encodeURIComponent(subject)}`, query), download: '' });
  document.body.append(link);
  link.click();
  link.remove();
});

function drawRebuild() {
  fill(byId('rebuild'), dayChoice('From ', 'from'), dayChoice('To, included (UTC) ', 'to'), deviceChoice('device', 'all'),
    el('button', { type: 'submit', class: 'primary', 'data-key': 'rebuild' }, 'Rebuild'));
}

byId('rebuild').addEventListener('submit', async (event) => {
  event.preventDefault();
  const given = Object.fromEntries([...new FormData(event.target)].filter(([, value]) => value));
  const job = await act(() => send('POST', '/api/v1/jobs', { kind: 'rebuild', ...given }), 'Rebuild asked for');
  if (job) fill(byId('rebuild-result'), 'Asked for: ', el('a', { class: 'link', href: '/#tab=work' }, 'watch it on the map page'));
});

// ---- the page ------------------------------------------------------------------------------

async function refresh() {
  if (!mayChange) return;
  devices = (await get('/api/v1/devices')).data.devices;
  const shared = { act, devices };
  await Promise.all([drawImports(), drawDevices(byId('devices-body'), shared), drawHidden(byId('hidden-body'), shared), drawRefused(byId('refused-body'), shared), drawTokens(byId('tokens-body'), shared)]);
}

async function begin() {
  try {
    const { data: told } = await get('/api/v1/page');
    mayChange = told.scope === 'admin';
    byId('sign-out').hidden = !told.by_cookie;
    byId('reading').hidden = mayChange;
    for (const id of ['imports-section', 'hidden', 'devices-section', 'rebuild-section', 'refused-section', 'tokens-section']) byId(id).hidden = !mayChange;
    devices = (await get('/api/v1/devices')).data.devices;
    drawDownload();
    drawRebuild();
    await refresh();
    document.body.dataset.ready = 'yes';
    if (location.hash === '#hidden') byId('hidden').scrollIntoView();
  } catch (error) {
    problem(error);
  }
}

installLogin({ admin: 'changing something', opens: 'Open the data', begin });
installDrop({ mayDrop: () => mayChange, take });
onImported.call = () => refresh().catch(problem);
byId('files').addEventListener('change', (event) => {
  const files = [...event.target.files];
  event.target.value = '';
  if (files.length) take(files);
});
begin();
