// Long work that somebody asked for: start it, watch it, stop it, take it up again.

import { getIfThere, send } from './api.js';
import { stateName } from './codes.js';
import { el, english, keepOrder, tell } from './dom.js';
import { age, count, dayWords, duration } from './format.js';
import { wordsOf } from './problems.js';
import { daysOfRange } from './range.js';
import { nobodyWorks, nobodyWorksHint } from './waiting.js';
import { tr } from './words.js';

let jobs = null; // null while unknown, false if the API has none
let problem = null;
let draft = { from: '', to: '', device: '' };

export const jobsRunning = () => (jobs || []).some((job) => ['queued', 'running'].includes(job.status));

/** Ask for the jobs; says whether they have changed. */
export async function refreshJobs(signal) {
  const found = await getIfThere('/api/v1/jobs', { signal });
  const before = jobs;
  jobs = found ? found.data.jobs : false;
  return before === null || !found || found.changed;
}

export const jobsMark = () => [jobs, problem?.message, nobodyWorks(jobs || [])];

async function act(method, address, body, said, again) {
  problem = null;
  try {
    await send(method, address, body);
    tell(said);
  } catch (error) {
    problem = error;
  }
  await again();
}

/** The section of the Work tab. `again`: called after something was asked for. */
export function jobsSection({ devices, mayStart, again }) {
  if (jobs === false) return [];
  return [
    el('h3', {}, tr('Jobs')),
    problem && el('p', { class: 'bad', role: 'alert' }, wordsOf(problem)),
    jobs === null ? el('p', { class: 'hint' }, tr('Loading…'))
    : jobs.length ? el('ul', { class: 'list jobs', 'aria-label': tr('Jobs') }, jobs.slice(0, 20).map((job) => row(job, mayStart, again)))
    : el('p', { class: 'hint' }, tr('No jobs yet. A rebuild computes chosen days anew, such as after a change of a device’s limits.')),
    nobodyWorksHint(...(jobs ?? [])),
    mayStart && form(devices, again),
  ];
}

const ended = (job) => (job.cancel_requested && job.status === 'running' ? tr('stops soon') : stateName(job.status));

const KINDS = {
  rebuild: tr('rebuild'), catalogue_sync: tr('sync of the catalogue'), mesh_sync: tr('sync of meshes'), mesh_batch: tr('batch of meshes'),
  address_stays: tr('addresses of stays'),
};

const OWN = ['127.0.0.1', 'localhost', '[::1]'];

/** Whether a link leads anywhere from here: `serve` has Dagster's UI on its own machine only. */
const isReachable = (url) => Boolean(url) && (!OWN.includes(new URL(url).hostname) || OWN.includes(location.hostname));

function row(job, mayStart, again) {
  const share = job.total ? Math.min(1, (job.completed + job.failed) / job.total) : job.status === 'completed' ? 1 : 0;
  const live = ['queued', 'running'].includes(job.status);
  const { from, to, device } = job.parameters ?? {};
  const title = [KINDS[job.kind] ?? job.kind, from && (from === to || !to ? dayWords(from) : `${dayWords(from)} – ${dayWords(to)}`), device].flat().filter(Boolean).join(' · ');
  const left = job.status === 'running' && job.seconds_left !== null && job.seconds_left !== undefined ? `, ${tr('{time} left', { time: duration(job.seconds_left) })}` : '';
  const done = job.total ? ` · ${tr('{n} of {all}', { n: count(job.completed), all: count(job.total) })}` : '';
  const failed = job.failed ? `, ${tr('{n} failed', { n: count(job.failed) })}` : '';
  const button = (words, verb, said) =>
    el('button', { type: 'button', class: 'link', 'data-key': `${verb}-${job.job_id}`, on: { click: () => act('POST', `/api/v1/jobs/${encodeURIComponent(job.job_id)}/${verb}`, undefined, said, again) } }, words);
  return el('li', { class: 'job', data: { status: job.status } },
    el('div', { class: 'job-head' }, el('span', { class: 'name' }, title),
      mayStart && live && !job.cancel_requested && button(tr('Cancel'), 'cancel', tr('Asked to cancel')),
      mayStart && ['failed', 'cancelled'].includes(job.status) && button(tr('Resume'), 'resume', tr('Resumed'))),
    el('div', { class: 'meter', role: 'progressbar', 'aria-label': tr('Progress of {what}', { what: title }), 'aria-valuemin': 0, 'aria-valuemax': 100, 'aria-valuenow': Math.round(share * 100) },
      el('span', { style: { width: `${share * 100}%` } })),
    el('p', { class: 'sub' }, `${ended(job)}${done}${failed}${left} · `, age(job.finished_at ?? job.started_at ?? job.created_at), isReachable(job.run_url) && [' · ', el('a', { href: job.run_url, rel: 'noopener' }, tr('its run in Dagster'))]),
    (job.error || job.message) && el('p', { class: job.error ? 'bad' : 'sub' }, english(job.error || job.message)));
}

function form(devices, again) {
  const [first, last] = daysOfRange();
  const from = draft.from || first;
  const to = draft.to || last;
  const keep = (name) => ({ input: (event) => { draft = { ...draft, [name]: event.target.value }; } });
  return el('form', {
    class: 'job-form', 'aria-label': tr('Rebuild days'),
    on: {
      input: keepOrder,
      submit: (event) => {
        event.preventDefault();
        const given = Object.fromEntries(new FormData(event.target));
        draft = { from: '', to: '', device: '' };
        act('POST', '/api/v1/jobs', { kind: 'rebuild', from: given.from, to: given.to, ...(given.device ? { device: given.device } : {}) }, tr('Rebuild asked for'), again);
      },
    },
  },
    el('p', { class: 'strong' }, tr('Rebuild days')),
    el('label', {}, `${tr('From')} `, el('input', { type: 'date', name: 'from', value: from, required: true, 'data-key': 'job-from', on: keep('from') })),
    el('label', {}, `${tr('To')} `, el('input', { type: 'date', name: 'to', value: to, required: true, 'data-key': 'job-to', on: keep('to') })),
    el('label', {}, `${tr('Device')} `, el('select', { name: 'device', 'data-key': 'job-device', on: keep('device') },
      el('option', { value: '' }, tr('devices|all')), devices.map((d) => el('option', { value: d.device_id, selected: d.device_id === draft.device }, d.device_id)))),
    el('button', { type: 'submit', class: 'primary', 'data-key': 'job-start' }, tr('Start')),
    el('p', { class: 'sub' }, tr('Days are UTC days.')));
}
