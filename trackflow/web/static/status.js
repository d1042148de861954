// How the work goes, in plain words.

import { announce, byId, el } from './dom.js';
import { age, ago, count, counted, duration, when } from './format.js';

/** { level: 'good' | 'busy' | 'bad' | 'off', words } for the header. */
export function summary(status, offline) {
  if (offline) return { level: 'off', words: 'No connection' };
  if (!status) return { level: 'off', words: 'Loading' };
  if (status.breakers?.some((b) => b.state !== 'closed')) return { level: 'bad', words: `${capital(status.breakers.find((b) => b.state !== 'closed').service)} is down` };
  if (status.failed_batches) return { level: 'bad', words: `${counted(status.failed_batches, 'day')} failed` };
  const waits = status.unprocessed_points > 0 || status.pending_batches > 0 || status.processing_batches > 0;
  if (waits && !status.worker?.running) return { level: 'busy', words: 'Waiting' };
  if (status.unprocessed_points > 0) return { level: 'busy', words: `${count(status.unprocessed_points)} in work` };
  if (waits) return { level: 'busy', words: 'Working' };
  return { level: 'good', words: 'Up to date' };
}

const capital = (text) => text.charAt(0).toUpperCase() + text.slice(1);

export function drawChip(status, offline) {
  const { level, words } = summary(status, offline);
  const chip = byId('chip');
  if (chip.dataset.level && chip.dataset.level !== level) announce(words);
  chip.dataset.level = level;
  const place = chip.querySelector('.words');
  if (place.textContent !== words) place.textContent = words;
  chip.title = status?.last_update ? `Last change ${ago(status.last_update)}` : '';
}

/** The section of the Work tab. */
export function statusSection(status, offline) {
  if (offline) return card('bad', 'The server does not answer', `${offline} The map shows what was known; it tries again by itself.`);
  if (!status) return el('p', { class: 'hint' }, 'Loading…');
  const cards = [];
  const waits = status.unprocessed_points > 0 || status.pending_batches > 0 || status.processing_batches > 0;
  if (waits) {
    const oldest = status.backlog_age_s ? `; the oldest came ${duration(status.backlog_age_s)} ago` : '';
    cards.push(card('busy', `${counted(status.unprocessed_points, 'point')} not on the map yet`,
      `${counted((status.pending_batches ?? 0) + (status.processing_batches ?? 0), 'day')} of devices wait or are in work${oldest}.`));
  } else cards.push(card('good', 'Everything received is on the map', status.last_update ? ['Last change ', when(status.last_update), '.'] : 'Nothing has come yet.'));
  if (status.failed_batches) {
    cards.push(card('bad', `${counted(status.failed_batches, 'day')} given up after several tries`,
      'Their points are kept. “trackflow status” tells why; “trackflow run --retry-failed” takes them up again.'));
  }
  if (status.resting?.batches) {
    cards.push(card('bad', `${counted(status.resting.batches, 'day')} of devices failed and will be tried again`,
      ['Next try ', when(status.resting.next_try_at), `. ${status.resting.last_error ?? ''}`]));
  }
  for (const breaker of status.breakers ?? []) {
    if (breaker.state === 'closed') continue;
    cards.push(card('bad', `The ${breaker.service} does not answer`, `What needs it waits, and nothing is lost. ${breaker.last_error ?? ''}`));
  }
  if (status.worker?.running) cards.push(card('good', 'A worker is running', status.worker.heartbeat_at ? ['Last sign of life ', age(status.worker.heartbeat_at), '.'] : ''));
  else if (waits) cards.push(card('bad', 'No worker is running', 'New points are kept. While “trackflow serve” runs, a worker starts within half a minute; “trackflow run” works once.'));
  else cards.push(card('off', 'No worker is needed', 'One starts by itself when points come in, while “trackflow serve” runs.'));
  const figures = [
    ['Points processed', count(status.processed_points)],
    ['Points waiting', count(status.unprocessed_points)],
    ['Active devices', count(status.active_devices)],
    ['Lines in cache', count(status.cached_paths)],
  ];
  return [
    cards,
    el('dl', { class: 'figures' }, figures.map(([name, value]) => el('div', {}, el('dt', {}, name), el('dd', {}, value)))),
  ];
}

function card(level, title, text) {
  return el('div', { class: 'state', data: { level } }, el('p', { class: 'strong' }, el('span', { class: 'dot' }), title), text && el('p', {}, text));
}
