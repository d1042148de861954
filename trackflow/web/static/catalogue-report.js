// A sync's report as elements. What sources wrote is set as text, never as HTML.

import { fieldName } from './catalogue-details.js';
import { el, english, withCommands } from './dom.js';
import { count, decimal, duration, when } from './format.js';
import { plural, tr } from './words.js';

const MOST = 50;

const OUTCOMES = {
  completed: tr('completed'), stopped_for_approval: tr('waits for an approval'), refused: tr('refused'), failed: tr('failed'),
  cancelled: tr('cancelled'), running: tr('running'),
};

const HEADS = {
  field: tr('field'), tracks: tr('race tracks'), track: tr('race track'), before: tr('before'), now: tr('now'), what: tr('what'), why: tr('why'),
  value: tr('value'), name: tr('name'), stage: tr('stage'), seconds: tr('seconds'), tries: tr('tries'),
};

const STAGES = { list: tr('stage|list'), pages: tr('stage|pages'), check: tr('stage|check'), compare: tr('stage|compare'), write: tr('stage|write') };

export const outcome = (report) => (report.undone_at ? tr('undone') : OUTCOMES[report.outcome] ?? report.outcome);

/** Whether there is something that can be undone. */
export const canUndo = (report) => report.outcome === 'completed' && !report.undone_at
  && report.added + report.changed + report.deactivated + report.reactivated + report.missed_once > 0;

/** A sync in one line. */
export function summaryOf(report) {
  if (report.outcome !== 'completed') return [OUTCOMES[report.outcome] ?? report.outcome, report.reason].filter(Boolean).join(': ');
  const parts = [
    report.added && tr('{n} added', { n: count(report.added) }), report.changed && tr('{n} changed', { n: count(report.changed) }),
    report.reactivated && tr('{n} back', { n: count(report.reactivated) }), report.deactivated && tr('{n} deactivated', { n: count(report.deactivated) }),
    report.missed_once && tr('{n} missed once', { n: count(report.missed_once) }), report.failed && tr('{n} failed', { n: count(report.failed) }),
  ].filter(Boolean);
  return plural('{changes}; {n} track in the catalogue', '{changes}; {n} tracks in the catalogue', report.active_now, { changes: parts.join(', ') || tr('nothing has changed') });
}

export function drawReport(report) {
  return [
    report.reason && el('p', { class: report.outcome === 'completed' ? 'dim' : 'bad' }, english(report.reason)),
    report.undone_at && el('p', { class: 'bad' }, tr('Its changes were undone {time}.', { time: when(report.undone_at) })),
    el('p', { class: 'strong' }, withCommands(summaryOf(report))),
    el('p', { class: 'dim' }, report.finished_at ? tr('{start} to {end}', { start: when(report.started_at), end: when(report.finished_at) }) : when(report.started_at), ' · ', tr('sync {id}', { id: el('code', {}, report.sync_id) })),
    numbers(report),
    slugs(tr('Added'), report.slugs.added),
    slugs(tr('Back'), report.slugs.reactivated),
    slugs(tr('Deactivated'), report.slugs.deactivated),
    slugs(tr('Missed for the first time'), report.slugs.missed_once),
    table(tr('Changed fields'), [HEADS.field, HEADS.tracks], Object.entries(report.changes_by_field).map(([name, n]) => [fieldName(name), count(n)])),
    table(tr('Changes other than those that racing brings'), [HEADS.track, HEADS.field, HEADS.before, HEADS.now], report.changes
      .filter((change) => !change.is_routine)
      .flatMap((change) => change.fields.map(([name, before, after]) => [change.slug, fieldName(name), shown(before), shown(after)]))),
    table(tr('Failed: these keep what was known of them'), [HEADS.track, HEADS.what, HEADS.why], report.failures.map((f) => [f.slug, f.kind, english(f.message)])),
    table(plural('Anomalies: {n} value that makes no sense', 'Anomalies: {n} values that make no sense', report.anomaly_count), [HEADS.track, HEADS.field, HEADS.value, HEADS.why],
      report.anomalies.map((a) => [a.slug || tr('the list'), fieldName(a.field), a.value, english(a.reason)])),
    table(tr('Names that several tracks bear'), [HEADS.name, HEADS.tracks], Object.entries(report.shared_names).map(([name, n]) => [name, count(n)])),
    completeness(report.completeness),
    table(tr('Time'), [HEADS.stage, HEADS.seconds], Object.entries(report.stages).map(([name, s]) => [STAGES[name] ?? name, decimal(s, 2)])),
    table(tr('Slowest tracks'), [HEADS.track, HEADS.seconds, HEADS.tries], report.slowest.map((s) => [s.slug, decimal(s.seconds, 2), count(s.tries)])),
  ];
}

function numbers(report) {
  const known = {
    [tr('listed')]: report.listed, [tr('added')]: report.added, [tr('changed')]: report.changed, [tr('unchanged')]: report.unchanged,
    [tr('back')]: report.reactivated, [tr('deactivated')]: report.deactivated, [tr('missed once')]: report.missed_once,
    [tr('failed')]: report.failed, [tr('in the catalogue')]: report.active_now,
  };
  const took = report.finished_at && duration((new Date(report.finished_at) - new Date(report.started_at)) / 1000);
  return el('dl', { class: 'numbers' },
    Object.entries(known).map(([name, n]) => el('div', {}, el('dd', {}, count(n)), el('dt', {}, name))),
    took && el('div', {}, el('dd', {}, took), el('dt', {}, tr('in all'))));
}

function slugs(title, found) {
  if (!found?.length) return null;
  const more = found.length > MOST && ` ${tr('and {n} more', { n: count(found.length - MOST) })}`;
  return [el('h3', {}, title), el('p', { class: 'slugs' }, found.slice(0, MOST).map((slug) => el('code', {}, slug)), more)];
}

function table(title, head, rows) {
  if (!rows.length) return null;
  const isNumber = head.map((name) => [HEADS.tracks, HEADS.seconds, HEADS.tries].includes(name));
  return [
    el('h3', {}, title),
    el('div', { class: 'table-box' }, el('table', {},
      el('thead', {}, el('tr', {}, head.map((name, k) => el('th', { scope: 'col', class: isNumber[k] ? 'number' : null }, name)))),
      el('tbody', {}, rows.slice(0, MOST).map((row) => el('tr', {}, row.map((cell, k) => el('td', { class: isNumber[k] ? 'number' : null }, cell))))))),
    rows.length > MOST && el('p', { class: 'dim' }, tr('and {n} more', { n: count(rows.length - MOST) })),
  ];
}

function completeness(found) {
  const names = Object.keys(found);
  if (!names.length) return null;
  const share = (value) => (value === null ? '' : `${decimal(value * 100, 1)} %`);
  return [
    el('h3', {}, tr('Completeness')),
    el('div', { class: 'table-box' }, el('table', {},
      el('thead', {}, el('tr', {}, [HEADS.field, HEADS.before, HEADS.now, ''].map((name) => el('th', { scope: 'col', class: [HEADS.before, HEADS.now].includes(name) ? 'number' : null }, name)))),
      el('tbody', {}, names.map((name) => el('tr', {},
        el('td', {}, fieldName(name)), el('td', { class: 'number' }, share(found[name].before)), el('td', { class: 'number' }, share(found[name].now)),
        el('td', {}, el('div', { class: 'meter', 'aria-hidden': true }, el('span', { style: { width: `${(found[name].now ?? 0) * 100}%` } }))))))))
  ];
}

const shown = (value) => (value === null || value === undefined ? tr('unknown') : String(value));
