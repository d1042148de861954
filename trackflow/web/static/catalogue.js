// The page of the race tracks: its sources, syncs under way, reports, and the list itself.

import { get, send, withQuery } from './api.js';
import { canUndo, drawReport, outcome } from './catalogue-report.js';
import { installList, loadList, showChosen } from './catalogue-list.js';
import { announce, byId, el, fill } from './dom.js';
import { age, count, counted, duration, tickAges } from './format.js';
import { installLogin } from './login.js';

const POLL_MS = 4000;
const POLL_AT_WORK_MS = 1000;
const WAITS_LONG_S = 20;

const data = { sources: [], reports: new Map(), mayStart: false };
const shown = new Map(); // of each source, the sync whose outcome the page shows
let open = null; // the id of the sync whose report is shown
let problem = '';
let timer = 0;

// ---- loading -------------------------------------------------------------------------------

async function refresh() {
  clearTimeout(timer);
  try {
    const { data: found } = await get('/api/v1/catalogue/sources');
    data.sources = found.sources;
    await Promise.all(data.sources.map(async (source) => {
      data.reports.set(source.source, (await get(withQuery('/api/v1/catalogue/reports', { source: source.source }))).data.reports);
    }));
    for (const source of data.sources) {
      // noted after all is read: what failed to load is read the next time
      if (shown.has(source.source) && shown.get(source.source) !== source.last?.sync_id) await ended(source);
      shown.set(source.source, source.last?.sync_id);
    }
    offline('');
  } catch (error) {
    offline(error.message);
  }
  draw();
  const isAtWork = data.sources.some((source) => source.job);
  timer = setTimeout(refresh, isAtWork ? POLL_AT_WORK_MS : POLL_MS);
}

async function ended(source) {
  announce(`The sync of ${source.source} has ended: ${source.last.summary}`);
  if (data.mayStart || open === null) await show(source.last.sync_id, { focus: false });
  await loadList(data.sources);
}

function offline(message) {
  if (message) problem = message;
  else if (problem === 'The server does not answer.') problem = '';
}

// ---- doing ---------------------------------------------------------------------------------

async function act(method, address, body, said) {
  problem = '';
  let found = null;
  try {
    found = await send(method, address, body);
    announce(said);
  } catch (error) {
    problem = error.message;
  }
  await refresh();
  return found;
}

const start = (source, approve) => act('POST', '/api/v1/tracks/sync', { source, approve, trigger: 'ui' }, `Sync of ${source} asked for`);

const cancel = (job) => act('POST', `/api/v1/jobs/${encodeURIComponent(job.job_id)}/cancel`, undefined, 'Asked to stop');

async function approve(source) {
  const why = `${source.last.reason}. Go on, and deactivate what is missing for the second time?`;
  if (await confirmed('Approve the list?', why, 'Approve and sync')) await start(source.source, true);
}

async function undo(report) {
  const rows = report.added + report.changed + report.deactivated + report.reactivated + report.missed_once;
  const why = `${counted(rows, 'track')} will be again what they were before this sync.`;
  if (!(await confirmed('Undo this sync?', why, 'Undo'))) return;
  const done = await act('POST', `/api/v1/catalogue/reports/${encodeURIComponent(report.sync_id)}/undo`, undefined, 'Undone');
  if (done) await Promise.all([show(report.sync_id), loadList(data.sources), showChosen()]);
}

/** Throw the kill switch of a source's site, or reset it. */
async function flip(source) {
  const address = `/api/v1/catalogue/sources/${encodeURIComponent(source.source)}`;
  if (source.switched_off) {
    await act('POST', `${address}/allow`, undefined, `${source.site} is switched on again`);
    return;
  }
  const why = `No process requests anything from ${source.site} until it is switched on again; a sync that runs now ends.`;
  if (await confirmed(`Switch ${source.site} off?`, why, 'Switch off')) await act('POST', `${address}/stop`, { reason: 'stopped on the page' }, `${source.site} is switched off`);
}

let answer = () => {};

/** Ask before something is done; a question that is still open counts as answered with no. */
function confirmed(title, text, yes) {
  const box = byId('ask');
  answer(false);
  byId('ask-title').textContent = title;
  byId('ask-text').textContent = text;
  byId('ask-yes').textContent = yes;
  if (!box.open) box.showModal();
  return new Promise((done) => { answer = done; });
}

async function show(syncId, { focus = true } = {}) {
  open = syncId;
  const box = byId('report');
  try {
    const { data: report } = await get(`/api/v1/catalogue/reports/${encodeURIComponent(syncId)}`);
    if (open !== syncId) return;
    box.hidden = false;
    fill(box,
      el('div', { class: 'source-head' },
        el('h2', {}, `Sync of ${report.source}: ${outcome(report)}`), el('span', { class: 'push' }),
        data.mayStart && canUndo(report) && el('button', { type: 'button', class: 'plain', id: 'undo', on: { click: () => undo(report) } }, 'Undo'),
        el('button', { type: 'button', class: 'plain', on: { click: hide } }, 'Close')),
      drawReport(report));
    if (focus) box.focus();
  } catch (error) {
    problem = error.message;
  }
  draw();
}

function hide() {
  open = null;
  byId('report').hidden = true;
  draw();
}

// ---- drawing -------------------------------------------------------------------------------

function draw() {
  byId('problem').hidden = !problem;
  byId('problem').textContent = problem;
  fill(byId('sources'), data.sources.map(drawSource));
  tickAges();
}

function drawSource(source) {
  const { job, last } = source;
  const waits = last?.outcome === 'stopped_for_approval' && !job;
  return el('section', { class: 'card sheet', 'aria-label': `Source ${source.source}` },
    el('div', { class: 'source-head' },
      el('h2', {}, source.source), el('span', { class: 'dim' }, source.site), el('span', { class: 'push' }),
      data.mayStart && el('button', { type: 'button', class: 'plain', 'data-key': `switch-${source.source}`, on: { click: () => flip(source) } }, source.switched_off ? 'Switch on again' : 'Switch off…'),
      data.mayStart && el('button', {
        type: 'button', class: 'primary', 'data-key': `start-${source.source}`, disabled: Boolean(job) || Boolean(source.switched_off),
        on: { click: () => start(source.source, false) },
      }, 'Sync now')),
    el('dl', { class: 'numbers' },
      number('tracks', source.active), number('not listed any more', source.inactive), source.missed ? number('missed by the last list', source.missed) : null,
      el('div', {}, el('dd', {}, source.last_completed_at ? age(source.last_completed_at) : 'never'), el('dt', {}, 'last synced'))),
    source.switched_off && el('p', { class: 'bad' }, `Switched off: ${source.switched_off}. Nothing is requested from ${source.site}.`),
    job && drawJob(job),
    waits && el('div', { class: 'wait' }, el('p', {}, last.reason),
      data.mayStart && el('button', { type: 'button', class: 'plain', 'data-key': `approve-${source.source}`, on: { click: () => approve(source) } }, 'Approve and sync…')),
    drawPast(source));
}

const number = (name, n) => el('div', {}, el('dd', {}, count(n)), el('dt', {}, name));

function drawJob(job) {
  const share = job.total ? Math.min(1, job.processed / job.total) : 0;
  const left = job.seconds_left !== null && job.status === 'running' ? `, ${duration(job.seconds_left)} left` : '';
  const words = job.status === 'queued' ? 'waits to start' : job.cancel_requested ? 'stops soon'
    : job.total ? `${count(job.processed)} of ${count(job.total)} pages${left}` : job.message ?? 'begins';
  const since = (Date.now() - new Date(job.created_at)) / 1000;
  return el('div', { class: 'at-work' },
    el('div', { class: 'source-head' }, el('span', { class: 'strong' }, words), job.failed ? el('span', { class: 'bad' }, `${count(job.failed)} failed`) : null,
      el('span', { class: 'push' }),
      data.mayStart && !job.cancel_requested && el('button', { type: 'button', class: 'link', 'data-key': `cancel-${job.job_id}`, on: { click: () => cancel(job) } }, 'Cancel')),
    el('div', { class: 'meter', role: 'progressbar', 'aria-label': 'Progress of the sync', 'aria-valuemin': 0, 'aria-valuemax': 100, 'aria-valuenow': Math.round(share * 100), 'aria-valuetext': words },
      el('span', { style: { width: `${share * 100}%` } })),
    job.status === 'queued' && since > WAITS_LONG_S && el('p', { class: 'dim' },
      'Nobody has begun it yet: “trackflow serve” begins it, or “trackflow jobs resume ', job.job_id, '”.'));
}

function drawPast(source) {
  const reports = data.reports.get(source.source) ?? [];
  if (!reports.length) return el('p', { class: 'dim' }, 'No sync yet.');
  return el('ul', { class: 'past', 'aria-label': `Last syncs of ${source.source}` }, reports.slice(0, 5).map((report) => el('li', {},
    el('span', { class: 'dim' }, age(report.started_at)),
    el('span', { class: 'words' }, report.undone_at ? `undone: ${report.summary}` : report.summary),
    el('button', { type: 'button', class: 'link', 'data-key': `report-${report.sync_id}`, 'aria-pressed': open === report.sync_id, on: { click: () => show(report.sync_id) } }, 'Report'))));
}

// ---- signing in, start ---------------------------------------------------------------------

installLogin({ admin: 'starting a sync', opens: 'Open the catalogue', begin });

async function begin() {
  try {
    const { data: told } = await get('/api/v1/page');
    data.mayStart = told.scope === 'admin';
    byId('sign-out').hidden = !told.by_cookie;
  } catch (error) {
    if (error.status === 401) return;
    problem = error.message;
  }
  await refresh();
  await loadList(data.sources);
  await showChosen();
  document.body.dataset.ready = 'yes';
}

byId('ask').addEventListener('submit', (event) => answer(event.submitter?.value === 'yes'));
byId('ask').addEventListener('cancel', () => answer(false));
installList((message) => { problem = message; draw(); });
begin();
