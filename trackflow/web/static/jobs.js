// Long work that somebody asked for: start it, watch it, stop it, take it up again.

import { getIfThere, send } from './api.js';
import { announce, el } from './dom.js';
import { age, count, dayWords, duration } from './format.js';
import { daysOfRange } from './range.js';

let jobs = null; // null while unknown, false if the API has none
let problem = '';
let draft = { from: '', to: '', device: '' };

export const jobsRunning = () => (jobs || []).some((job) => ['queued', 'running'].includes(job.status));

/** Ask for the jobs; says whether they have changed. */
export async function refreshJobs(signal) {
  const found = await getIfThere('/api/v1/jobs', { signal });
  const before = jobs;
  jobs = found ? found.data.jobs : false;
  return before === null || !found || found.changed;
}

export const jobsMark = () => [jobs, problem];

async function act(method, address, body, said, again) {
  problem = '';
  try {
    await send(method, address, body);
    announce(said);
  } catch (error) {
    problem = error.message;
  }
  await again();
}

/** The section of the Work tab. `again`: called after something was asked for. */
export function jobsSection({ devices, mayStart, again }) {
  if (jobs === false) return [];
  return [
    el('h3', {}, 'Jobs'),
    problem && el('p', { class: 'bad', role: 'alert' }, problem),
    jobs === null ? el('p', { class: 'hint' }, 'Loading…')
    : jobs.length ? el('ul', { class: 'list jobs', 'aria-label': 'Jobs' }, jobs.slice(0, 20).map((job) => row(job, mayStart, again)))
    : el('p', { class: 'hint' }, 'No jobs yet. A rebuild computes chosen days anew, such as after a change of a device’s limits.'),
    mayStart && form(devices, again),
  ];
}

const ended = (job) => (job.cancel_requested && job.status === 'running' ? 'stops soon' : STATES[job.status] ?? job.status);

const STATES = { queued: 'waits to start', running: 'running', completed: 'done', failed: 'failed', cancelled: 'cancelled' };

const OWN = ['127.0.0.1', 'localhost', '[::1]'];

/** Whether a link leads anywhere from here: `serve` has Dagster's UI on its own machine only. */
const isReachable = (url) => Boolean(url) && (!OWN.includes(new URL(url).hostname) || OWN.includes(location.hostname));

function row(job, mayStart, again) {
  const share = job.total ? Math.min(1, (job.completed + job.failed) / job.total) : job.status === 'completed' ? 1 : 0;
  const live = ['queued', 'running'].includes(job.status);
  const { from, to, device } = job.parameters ?? {};
  const title = [job.kind, from && (from === to || !to ? dayWords(from) : `${dayWords(from)} – ${dayWords(to)}`), device].flat().filter(Boolean).join(' · ');
  const left = job.status === 'running' && job.seconds_left !== null && job.seconds_left !== undefined ? `, ${duration(job.seconds_left)} left` : '';
  const done = job.total ? ` · ${count(job.completed)} of ${count(job.total)}` : '';
  const failed = job.failed ? `, ${count(job.failed)} failed` : '';
  const button = (words, verb, said) =>
    el('button', { type: 'button', class: 'link', 'data-key': `${verb}-${job.job_id}`, on: { click: () => act('POST', `/api/v1/jobs/${encodeURIComponent(job.job_id)}/${verb}`, undefined, said, again) } }, words);
  return el('li', { class: 'job', data: { status: job.status } },
    el('div', { class: 'job-head' }, el('span', { class: 'name' }, title),
      mayStart && live && !job.cancel_requested && button('Cancel', 'cancel', 'Asked to cancel'),
      mayStart && ['failed', 'cancelled'].includes(job.status) && button('Resume', 'resume', 'Resumed')),
    el('div', { class: 'meter', role: 'progressbar', 'aria-label': `Progress of ${title}`, 'aria-valuemin': 0, 'aria-valuemax': 100, 'aria-valuenow': Math.round(share * 100) },
      el('span', { style: { width: `${share * 100}%` } })),
    el('p', { class: 'sub' }, `${ended(job)}${done}${failed}${left} · `, age(job.finished_at ?? job.started_at ?? job.created_at), isReachable(job.run_url) && [' · ', el('a', { href: job.run_url, rel: 'noopener' }, 'its run in Dagster')]),
    (job.error || job.message) && el('p', { class: job.error ? 'bad' : 'sub' }, job.error || job.message));
}

function form(devices, again) {
  const [first, last] = daysOfRange();
  const from = draft.from || first;
  const to = draft.to || last;
  const keep = (name) => ({ input: (event) => { draft = { ...draft, [name]: event.target.value }; } });
  return el('form', {
    class: 'job-form', 'aria-label': 'Rebuild days',
    on: {
      submit: (event) => {
        event.preventDefault();
        const given = Object.fromEntries(new FormData(event.target));
        if (given.to < given.from) given.to = given.from;
        draft = { from: '', to: '', device: '' };
        act('POST', '/api/v1/jobs', { kind: 'rebuild', from: given.from, to: given.to, ...(given.device ? { device: given.device } : {}) }, 'Rebuild asked for', again);
      },
    },
  },
    el('p', { class: 'strong' }, 'Rebuild days'),
    el('label', {}, 'From ', el('input', { type: 'date', name: 'from', value: from, required: true, 'data-key': 'job-from', on: keep('from') })),
    el('label', {}, 'To ', el('input', { type: 'date', name: 'to', value: to, required: true, 'data-key': 'job-to', on: keep('to') })),
    el('label', {}, 'Device ', el('select', { name: 'device', 'data-key': 'job-device', on: keep('device') },
      el('option', { value: '' }, 'all'), devices.map((d) => el('option', { value: d.device_id, selected: d.device_id === draft.device }, d.device_id)))),
    el('button', { type: 'submit', class: 'primary', 'data-key': 'job-start' }, 'Start'),
    el('p', { class: 'sub' }, 'Days are UTC days.'));
}
