// The page of the data: imports, downloads, hidden points, rebuilding, refused input, tokens.

import { forget, get, send, withQuery } from './api.js';
import { drawDevices } from './data-devices.js';
import { drawHidden } from './data-hidden.js';
import { drawRefused } from './data-refused.js';
import { drawTokens } from './data-tokens.js';
import { FORMATS } from './doing.js';
import { byId, el, fill, fillAround, keepOrder, tell, touch } from './dom.js';
import { installDrop } from './drop.js';
import { moment } from './format.js';
import { installLogin } from './login.js';
import { shiftDay } from './periods.js';
import { beginPage, tellAndRetry, tellProblem } from './problems.js';
import { readSettings } from './settings.js';
import { importInto, onImported, undoneWords } from './upload.js';
import { plural, tr } from './words.js';
import { midnight, zoneName } from './zones.js';

const SUBJECTS = { tracks: tr('tracks'), points: tr('points'), stays: tr('stays and places'), visits: tr('visits to race tracks'), legs: tr('legs by travel mode') };
const FEW = 3;
const SHOWN = 50;
let mayChange = false;
let devices = [];

/** Do something, then draw the lists anew; what goes wrong is said at the top. `sent`: the form that asked for it. */
async function act(sent, ask, said) {
  try {
    tellProblem(null);
    const answer = await ask();
    forget();
    if (said) tell(typeof said === 'function' ? said(answer) : said);
    await refresh(sent);
    return answer;
  } catch (error) {
    tellProblem(error);
    // what cannot be undone or revoked was so already, in another window: the lists have to say so
    if (!sent && error.status >= 400) refresh().catch(() => {});
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

/** The first names, and how many others there are by `others`. */
const few = (names, others) => (names.length > FEW ? `${names.slice(0, FEW).join(', ')} ${others(names.length - FEW)}` : names.join(', '));
const fewFiles = (names) => few(names, (n) => plural('and {n} more file', 'and {n} more files', n));
const fewDevices = (names) => few(names, (n) => plural('and {n} more device', 'and {n} more devices', n));

async function drawImports() {
  const { imports } = (await get('/api/v1/imports')).data;
  const undo = (one) => act(null, () => send('POST', `/api/v1/imports/${encodeURIComponent(one.import_id)}/undo`), undoneWords);
  fill(byId('imports'), imports.length === 0 && el('li', { class: 'dim' }, tr('There are no imports yet.')),
    imports.slice(0, SHOWN).map((one) => el('li', { class: one.undone_at ? 'off' : '' },
      el('span', { class: 'words' }, el('strong', {}, fewFiles(one.files) || tr('no file with points')), ` · ${plural('{n} point', '{n} points', one.points_added)}`,
        one.devices.length > 0 && ` ${tr('points|of {devices}', { devices: fewDevices(one.devices) })}`, el('span', { class: 'dim' }, ` · ${moment(one.imported_at)} · ${one.import_id}`)),
      one.undone_at
        ? el('span', {}, tr('undone'))
        : el('button', { type: 'button', class: 'plain', 'data-key': `undo-${one.import_id}`, 'aria-label': tr('Undo the import of {files}', { files: fewFiles(one.files) }), on: { click: () => undo(one) } }, tr('Undo')))));
}

// ---- downloads and rebuilding --------------------------------------------------------------

const deviceChoice = (name, all) => el('label', {}, `${tr('Device')} `, el('select', { name }, el('option', { value: '' }, all), devices.map((d) => el('option', { value: d.device_id }, d.name ? `${d.name} (${d.device_id})` : d.device_id))));

const dayChoice = (words, name) => el('label', {}, words, el('input', { type: 'date', name }));

const daysChoice = (zone) => [dayChoice(`${tr('From ({zone})', { zone })} `, 'from'), dayChoice(`${tr('To, included ({zone})', { zone })} `, 'to')];

const choice = (words, name, options) => el('label', {}, words, el('select', { name }, Object.entries(options).map(([value, shown]) => el('option', { value }, shown))));

function drawDownload() {
  fill(byId('download'),
    choice(`${tr('What')} `, 'subject', SUBJECTS), choice(`${tr('As')} `, 'format', FORMATS),
    choice(`${tr('Lines of tracks')} `, 'line', { '': tr('line|usual'), matched: tr('on roads'), raw: tr('as reported') }),
    deviceChoice('device', tr('devices|all')), ...daysChoice(zoneName()),
    el('button', { type: 'submit', class: 'primary', 'data-key': 'download' }, tr('Download')));
}

byId('download').addEventListener('submit', (event) => {
  event.preventDefault();
  const { subject, from, to, ...rest } = Object.fromEntries(new FormData(event.target));
  const query = { ...rest, from: from && midnight(from).toISOString(), to: to && midnight(shiftDay(to, 1)).toISOString() };
  const link = el('a', { href: withQuery(`/api/v1/exports/${encodeURIComponent(subject)}`, query), download: '' });
  document.body.append(link);
  link.click();
  link.remove();
});

function drawRebuild() {
  fill(byId('rebuild'), ...daysChoice('UTC'), deviceChoice('device', tr('devices|all')),
    el('button', { type: 'submit', class: 'primary', 'data-key': 'rebuild' }, tr('Rebuild')));
}

byId('rebuild').addEventListener('submit', async (event) => {
  event.preventDefault();
  const given = Object.fromEntries([...new FormData(event.target)].filter(([, value]) => value));
  const job = await act(event.target, () => send('POST', '/api/v1/jobs', { kind: 'rebuild', ...given }), tr('Rebuild asked for'));
  if (job) fill(byId('rebuild-result'), tr('Asked for: {link}', { link: el('a', { class: 'link', href: '/#tab=work' }, tr('watch it on the map page')) }));
});

// ---- the page ------------------------------------------------------------------------------

const PARTS = { 'devices-body': drawDevices, 'hidden-body': drawHidden, 'refused-body': drawRefused, 'tokens-body': drawTokens };

const asked = new Map(); // how often each part was asked for: an older answer must not replace a newer one

async function redraw(id, sent) {
  const mine = (asked.get(id) ?? 0) + 1;
  asked.set(id, mine);
  const parts = await PARTS[id]({ act, devices, again: () => redraw(id).catch((error) => tellAndRetry(error, () => redraw(id))) });
  if (asked.get(id) === mine) fillAround(byId(id), sent, parts);
}

async function refresh(sent) {
  if (!mayChange) return;
  devices = (await get('/api/v1/devices')).data.devices;
  await Promise.all([drawImports(), ...Object.keys(PARTS).map((id) => redraw(id, sent))]);
}

async function begin() {
  ({ mayChange } = await readSettings());
  byId('times').textContent = tr('Times are those of {zone}, where no other zone stands.', { zone: zoneName() });
  byId('reading').hidden = mayChange;
  for (const id of ['imports-section', 'hidden', 'devices-section', 'rebuild-section', 'refused-section', 'tokens-section']) byId(id).hidden = !mayChange;
  devices = (await get('/api/v1/devices')).data.devices;
  drawDownload();
  drawRebuild();
  await refresh();
  document.body.dataset.ready = 'yes';
  if (location.hash === '#hidden') byId('hidden').scrollIntoView();
  tellProblem(null);
}

installLogin({ admin: tr('Changing something takes one for admin.'), opens: tr('Open the data'), begin: () => beginPage(begin) });
for (const id of Object.keys(PARTS)) byId(id).addEventListener('input', touch);
for (const id of ['download', 'rebuild']) byId(id).addEventListener('input', keepOrder);
installDrop({ mayDrop: () => mayChange, take });
onImported.call = () => refresh().catch((error) => tellAndRetry(error, refresh));
byId('files').addEventListener('change', (event) => {
  const files = [...event.target.files];
  event.target.value = '';
  if (files.length) take(files);
});
beginPage(begin);
