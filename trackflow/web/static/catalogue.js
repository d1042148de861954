// The page of the race tracks: its sources, syncs under way, reports, and the list itself.

import { get, send, withQuery } from './api.js';
import { confirmed } from './asking.js';
import { canUndo, drawReport, outcome, summaryOf } from './catalogue-report.js';
import { installList, loadList, showChosen } from './catalogue-list.js';
import { announce, byId, el, english, fill, focusOn, tell, withCommands } from './dom.js';
import { age, count, duration, tickAges } from './format.js';
import { installLogin } from './login.js';
import { beginPage, isTriedAgain, tellProblem } from './problems.js';
import { readSettings } from './settings.js';
import { nobodyWorksHint } from './waiting.js';
import { plural, tr } from './words.js';

const POLL_MS = 4000;
const POLL_AT_WORK_MS = 1000;

const data = { sources: [], reports: new Map(), mayStart: false };
const shown = new Map(); // of each source, the sync whose outcome the page shows
let open = null; // the id of the sync whose report is shown
let problem = null; // why the last action failed
let unread = null; // why the page could not be read anew
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
    unread = null;
  } catch (error) {
    unread = error;
  }
  draw();
  const isAtWork = data.sources.some((source) => source.job);
  timer = setTimeout(refresh, isAtWork ? POLL_AT_WORK_MS : POLL_MS);
}

async function ended(source) {
  announce(tr('The sync of {source} has ended: {summary}', { source: source.source, summary: summaryOf(source.last) }));
  if (data.mayStart || open === null) await show(source.last.sync_id, { focus: false });
  await loadList(data.sources);
}

// ---- doing ---------------------------------------------------------------------------------

async function act(method, address, body, said) {
  problem = null;
  let found = null;
  try {
    found = await send(method, address, body);
    tell(said);
  } catch (error) {
    problem = error;
  }
  await refresh();
  return found;
}

const start = (source, approve) => act('POST', '/api/v1/tracks/sync', { source, approve, trigger: 'ui' }, tr('Sync of {source} asked for', { source }));

const cancel = (job) => act('POST', `/api/v1/jobs/${encodeURIComponent(job.job_id)}/cancel`, undefined, tr('Asked to stop'));

async function approve(source) {
  const why = `${source.last.reason}. ${tr('Go on, and deactivate what is missing for the second time?')}`;
  if (await confirmed(tr('Approve the list?'), why, tr('Approve and sync'))) await start(source.source, true);
}

async function undo(report) {
  const rows = report.added + report.changed + report.deactivated + report.reactivated + report.missed_once;
  const why = plural('{n} track will be again what it was before this sync.', '{n} tracks will be again what they were before this sync.', rows);
  if (!(await confirmed(tr('Undo this sync?'), why, tr('Undo')))) return;
  const done = await act('POST', `/api/v1/catalogue/reports/${encodeURIComponent(report.sync_id)}/undo`, undefined, tr('Undone'));
  if (done) await Promise.all([show(report.sync_id), loadList(data.sources), showChosen()]);
}

/** Throw the kill switch of a source's site, or reset it. */
async function flip(source) {
  const address = `/api/v1/catalogue/sources/${encodeURIComponent(source.source)}`;
  if (source.switched_off) {
    await act('POST', `${address}/allow`, undefined, tr('{site} is switched on again', { site: source.site }));
    return;
  }
  const why = tr('No process requests anything from {site} until it is switched on again; a sync that runs now ends.', { site: source.site });
  if (await confirmed(tr('Switch {site} off?', { site: source.site }), why, tr('Switch off'))) await act('POST', `${address}/stop`, { reason: 'stopped on the page' }, tr('{site} is switched off', { site: source.site }));
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
        el('h2', {}, tr('Sync of {source}: {outcome}', { source: report.source, outcome: outcome(report) })), el('span', { class: 'push' }),
        data.mayStart && canUndo(report) && el('button', { type: 'button', class: 'plain', id: 'undo', on: { click: () => undo(report) } }, tr('Undo')),
        el('button', { type: 'button', class: 'plain', on: { click: hide } }, tr('Close'))),
      drawReport(report));
    if (focus) box.focus();
  } catch (error) {
    problem = error;
  }
  draw();
}

function hide() {
  const shown = open;
  open = null;
  byId('report').hidden = true;
  draw();
  focusOn(`report-${shown}`);
}

// ---- drawing -------------------------------------------------------------------------------

function draw() {
  tellProblem(problem ?? unread, { isTriedAgain: !problem && isTriedAgain(unread) });
  fill(byId('sources'), data.sources.map(drawSource));
  tickAges();
}

function drawSource(source) {
  const { job, last } = source;
  const waits = last?.outcome === 'stopped_for_approval' && !job;
  return el('section', { class: 'card sheet', 'aria-label': tr('Source {source}', { source: source.source }) },
    el('div', { class: 'source-head' },
      el('h2', {}, source.source), el('span', { class: 'dim' }, source.site), el('span', { class: 'push' }),
      data.mayStart && el('button', { type: 'button', class: 'plain', 'data-key': `switch-${source.source}`, on: { click: () => flip(source) } }, source.switched_off ? tr('Switch on again') : tr('Switch off…')),
      data.mayStart && el('button', {
        type: 'button', class: 'primary', 'data-key': `start-${source.source}`, disabled: Boolean(job) || Boolean(source.switched_off),
        on: { click: () => start(source.source, false) },
      }, tr('Sync now'))),
    el('dl', { class: 'numbers' },
      number(tr('race tracks'), source.active), number(tr('not listed any more'), source.inactive), source.missed ? number(tr('missed by the last list'), source.missed) : null,
      el('div', {}, el('dd', {}, source.last_completed_at ? age(source.last_completed_at) : tr('never')), el('dt', {}, tr('last synced')))),
    source.switched_off && el('p', { class: 'bad' }, tr('Switched off: {reason}. Nothing is requested from {site}.', { reason: english(source.switched_off), site: source.site })),
    job && drawJob(job),
    waits && el('div', { class: 'wait' }, el('p', {}, english(last.reason)),
      data.mayStart && el('button', { type: 'button', class: 'plain', 'data-key': `approve-${source.source}`, disabled: Boolean(source.switched_off), on: { click: () => approve(source) } }, tr('Approve and sync…'))),
    drawPast(source));
}

const number = (name, n) => el('div', {}, el('dd', {}, count(n)), el('dt', {}, name));

function drawJob(job) {
  const share = job.total ? Math.min(1, job.processed / job.total) : 0;
  const left = job.seconds_left !== null && job.status === 'running' ? `, ${tr('{time} left', { time: duration(job.seconds_left) })}` : '';
  const words = job.status === 'queued' ? tr('waits to start') : job.cancel_requested ? tr('stops soon')
    : job.total ? `${tr('{n} of {all} pages', { n: count(job.processed), all: count(job.total) })}${left}` : job.message ?? tr('begins');
  return el('div', { class: 'at-work' },
    el('div', { class: 'source-head' }, el('span', { class: 'strong' }, words), job.failed ? el('span', { class: 'bad' }, tr('{n} failed', { n: count(job.failed) })) : null,
      el('span', { class: 'push' }),
      data.mayStart && !job.cancel_requested && el('button', { type: 'button', class: 'link', 'data-key': `cancel-${job.job_id}`, on: { click: () => cancel(job) } }, tr('Cancel'))),
    el('div', { class: 'meter', role: 'progressbar', 'aria-label': tr('Progress of the sync'), 'aria-valuemin': 0, 'aria-valuemax': 100, 'aria-valuenow': Math.round(share * 100), 'aria-valuetext': words },
      el('span', { style: { width: `${share * 100}%` } })),
    nobodyWorksHint(job));
}

function drawPast(source) {
  const reports = data.reports.get(source.source) ?? [];
  if (!reports.length) return el('p', { class: 'dim' }, tr('No sync yet.'));
  return el('ul', { class: 'past', 'aria-label': tr('Last syncs of {source}', { source: source.source }) }, reports.slice(0, 5).map((report) => el('li', {},
    el('span', { class: 'dim' }, age(report.started_at)),
    el('span', { class: 'words' }, withCommands(report.undone_at ? tr('undone: {summary}', { summary: summaryOf(report) }) : summaryOf(report))),
    el('button', { type: 'button', class: 'link', 'data-key': `report-${report.sync_id}`, 'aria-pressed': open === report.sync_id, on: { click: () => show(report.sync_id) } }, tr('Report')))));
}

// ---- signing in, start ---------------------------------------------------------------------

installLogin({ admin: tr('Starting a sync takes one for admin.'), opens: tr('Open the catalogue'), begin: () => beginPage(begin) });

async function begin() {
  data.mayStart = (await readSettings()).mayChange;
  await refresh();
  await loadList(data.sources);
  await showChosen();
  document.body.dataset.ready = 'yes';
}

addEventListener('online', refresh);
installList((error) => { problem = error; draw(); });
beginPage(begin);
