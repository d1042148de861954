// A sync's report as elements. What sources wrote is set as text, never as HTML.

import { el } from './dom.js';
import { count, duration, when } from './format.js';

const MOST = 50;

const OUTCOMES = {
  completed: 'completed', stopped_for_approval: 'waits for an approval', refused: 'refused', failed: 'failed',
  cancelled: 'cancelled', running: 'running',
};

export const outcome = (report) => (report.undone_at ? 'undone' : OUTCOMES[report.outcome] ?? report.outcome);

/** Whether there is something that can be undone. */
export const canUndo = (report) => report.outcome === 'completed' && !report.undone_at
  && report.added + report.changed + report.deactivated + report.reactivated + report.missed_once > 0;

export function drawReport(report) {
  return [
    report.reason && el('p', { class: report.outcome === 'completed' ? 'dim' : 'bad' }, report.reason),
    report.undone_at && el('p', { class: 'bad' }, 'Its changes were undone ', when(report.undone_at), '.'),
    el('p', { class: 'strong' }, report.summary),
    el('p', { class: 'dim' }, when(report.started_at), report.finished_at ? [' to ', when(report.finished_at)] : '', ` · sync ${report.sync_id}`),
    numbers(report),
    slugs('Added', report.slugs.added),
    slugs('Back', report.slugs.reactivated),
    slugs('Deactivated', report.slugs.deactivated),
    slugs('Missed for the first time', report.slugs.missed_once),
    table('Changed fields', ['field', 'tracks'], Object.entries(report.changes_by_field).map(([name, n]) => [name, count(n)])),
    table('Changes other than those that racing brings', ['track', 'field', 'before', 'now'], report.changes
      .filter((change) => !change.is_routine)
      .flatMap((change) => change.fields.map(([name, before, after]) => [change.slug, name, shown(before), shown(after)]))),
    table('Failed: these keep what was known of them', ['track', 'what', 'why'], report.failures.map((f) => [f.slug, f.kind, f.message])),
    table(`Anomalies: ${count(report.anomaly_count)} values that make no sense`, ['track', 'field', 'value', 'why'],
      report.anomalies.map((a) => [a.slug || 'the list', a.field, a.value, a.reason])),
    table('Names that several tracks bear', ['name', 'tracks'], Object.entries(report.shared_names).map(([name, n]) => [name, count(n)])),
    completeness(report.completeness),
    table('Time', ['stage', 'seconds'], Object.entries(report.stages).map(([name, s]) => [name, s.toFixed(2)])),
    table('Slowest tracks', ['track', 'seconds', 'tries'], report.slowest.map((s) => [s.slug, s.seconds.toFixed(2), count(s.tries)])),
  ];
}

function numbers(report) {
  const known = {
    listed: report.listed, added: report.added, changed: report.changed, unchanged: report.unchanged, back: report.reactivated,
    deactivated: report.deactivated, 'missed once': report.missed_once, failed: report.failed, 'in the catalogue': report.active_now,
  };
  const took = report.finished_at && duration((new Date(report.finished_at) - new Date(report.started_at)) / 1000);
  return el('dl', { class: 'numbers' },
    Object.entries(known).map(([name, n]) => el('div', {}, el('dd', {}, count(n)), el('dt', {}, name))),
    took && el('div', {}, el('dd', {}, took), el('dt', {}, 'in all')));
}

function slugs(title, found) {
  if (!found?.length) return null;
  const more = found.length > MOST && ` and ${count(found.length - MOST)} more`;
  return [el('h3', {}, title), el('p', { class: 'slugs' }, found.slice(0, MOST).map((slug) => el('code', {}, slug)), more)];
}

function table(title, head, rows) {
  if (!rows.length) return null;
  const isNumber = head.map((name) => ['tracks', 'seconds', 'tries'].includes(name));
  return [
    el('h3', {}, title),
    el('div', { class: 'table-box' }, el('table', {},
      el('thead', {}, el('tr', {}, head.map((name, k) => el('th', { scope: 'col', class: isNumber[k] ? 'number' : null }, name)))),
      el('tbody', {}, rows.slice(0, MOST).map((row) => el('tr', {}, row.map((cell, k) => el('td', { class: isNumber[k] ? 'number' : null }, cell))))))),
    rows.length > MOST && el('p', { class: 'dim' }, `and ${count(rows.length - MOST)} more`),
  ];
}

function completeness(found) {
  const names = Object.keys(found);
  if (!names.length) return null;
  const share = (value) => (value === null ? '' : `${(value * 100).toFixed(1)} %`);
  return [
    el('h3', {}, 'Completeness'),
    el('div', { class: 'table-box' }, el('table', {},
      el('thead', {}, el('tr', {}, ['field', 'before', 'now', ''].map((name) => el('th', { scope: 'col', class: ['before', 'now'].includes(name) ? 'number' : null }, name)))),
      el('tbody', {}, names.map((name) => el('tr', {},
        el('td', {}, name), el('td', { class: 'number' }, share(found[name].before)), el('td', { class: 'number' }, share(found[name].now)),
        el('td', {}, el('div', { class: 'meter', 'aria-hidden': true }, el('span', { style: { width: `${(found[name].now ?? 0) * 100}%` } }))))))))
  ];
}

const shown = (value) => (value === null || value === undefined ? 'unknown' : String(value));
