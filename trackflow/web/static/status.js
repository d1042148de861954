// How the work goes, in plain words.

import { announce, byId, el, english } from './dom.js';
import { age, ago, count, duration, when } from './format.js';
import { plural, tr } from './words.js';

/** { level: 'good' | 'busy' | 'bad' | 'off', words } for the header. */
export function summary(status, offline) {
  if (offline) return { level: 'off', words: tr('No connection') };
  if (!status) return { level: 'off', words: tr('Loading') };
  if (status.breakers?.some((b) => b.state !== 'closed')) return { level: 'bad', words: tr('{service} is down', { service: capital(status.breakers.find((b) => b.state !== 'closed').service) }) };
  if (status.failed_batches) return { level: 'bad', words: plural('{n} day failed', '{n} days failed', status.failed_batches) };
  const waits = status.unprocessed_points > 0 || status.pending_batches > 0 || status.processing_batches > 0;
  if (waits && !status.worker?.running) return { level: 'busy', words: tr('Waiting') };
  if (status.unprocessed_points > 0) return { level: 'busy', words: tr('{n} in work', { n: count(status.unprocessed_points) }) };
  if (waits) return { level: 'busy', words: tr('Working') };
  return { level: 'good', words: tr('Up to date') };
}

const capital = (text) => text.charAt(0).toUpperCase() + text.slice(1);

export function drawChip(status, offline) {
  const { level, words } = summary(status, offline);
  const chip = byId('chip');
  if (chip.dataset.level && chip.dataset.level !== level) announce(words);
  chip.dataset.level = level;
  const place = chip.querySelector('.words');
  if (place.textContent !== words) place.textContent = words;
  chip.title = status?.last_update ? tr('Last change {time}', { time: ago(status.last_update) }) : '';
}

/** The section of the Work tab. */
export function statusSection(status, offline) {
  if (offline) return card('bad', tr('The server does not answer'), `${offline} ${tr('The map shows what was known; it tries again by itself.')}`);
  if (!status) return el('p', { class: 'hint' }, tr('Loading…'));
  const cards = [];
  const waits = status.unprocessed_points > 0 || status.pending_batches > 0 || status.processing_batches > 0;
  if (waits) {
    const days = (status.pending_batches ?? 0) + (status.processing_batches ?? 0);
    cards.push(card('busy', plural('{n} point not on the map yet', '{n} points not on the map yet', status.unprocessed_points), [
      plural('{n} day of devices waits or is in work.', '{n} days of devices wait or are in work.', days),
      status.backlog_age_s && ` ${tr('The oldest points have waited for {time}.', { time: duration(status.backlog_age_s) })}`,
    ]));
  } else cards.push(card('good', tr('Everything received is on the map'), status.last_update ? tr('Last change {time}.', { time: when(status.last_update) }) : tr('Nothing has come yet.')));
  if (status.failed_batches) {
    cards.push(card('bad', plural('{n} day given up after several tries', '{n} days given up after several tries', status.failed_batches),
      tr('Their points are kept. “trackflow status” tells why; “trackflow run --retry-failed” takes them up again.')));
  }
  if (status.resting?.batches) {
    cards.push(card('bad', plural('{n} day of devices failed and will be tried again', '{n} days of devices failed and will be tried again', status.resting.batches),
      [tr('Next try {time}.', { time: when(status.resting.next_try_at) }), ' ', english(status.resting.last_error)]));
  }
  for (const breaker of status.breakers ?? []) {
    if (breaker.state === 'closed') continue;
    cards.push(card('bad', tr('The {service} does not answer', { service: breaker.service }), [tr('What needs it waits, and nothing is lost.'), ' ', english(breaker.last_error)]));
  }
  if (status.worker?.running) cards.push(card('good', tr('A worker is running'), status.worker.heartbeat_at ? tr('Last sign of life {time}.', { time: age(status.worker.heartbeat_at) }) : ''));
  else if (waits) cards.push(card('bad', tr('No worker is running'), tr('New points are kept. While “trackflow serve” runs, a worker starts within half a minute; “trackflow run” works once.')));
  else cards.push(card('off', tr('No worker is needed'), tr('One starts by itself when points come in, while “trackflow serve” runs.')));
  const figures = [
    [tr('Points processed'), count(status.processed_points)],
    [tr('Points waiting'), count(status.unprocessed_points)],
    [tr('Active devices'), count(status.active_devices)],
    [tr('Lines in cache'), count(status.cached_paths)],
  ];
  return [
    cards,
    el('dl', { class: 'figures' }, figures.map(([name, value]) => el('div', {}, el('dt', {}, name), el('dd', {}, value)))),
  ];
}

function card(level, title, text) {
  return el('div', { class: 'state', data: { level } }, el('p', { class: 'strong' }, el('span', { class: 'dot' }), title), text && el('p', {}, text));
}
