// What can be done with the chosen track: name it, write a note, hide its points, download it.

import { forget, send, withQuery } from './api.js';
import { el, fill, tell, touch } from './dom.js';
import { wordsOf } from './problems.js';
import { change } from './state.js';
import { plural, tr } from './words.js';

export const FORMATS = { gpx: 'GPX', geojson: 'GeoJSON', csv: 'CSV', geoparquet: 'GeoParquet' };

/** Called after a change, so that lists and lines follow. */
export const onChanged = { call: () => {} };

const justAfter = (time) => new Date(Date.parse(time) + 1).toISOString();

/** Links to a download in every format. */
export const downloads = (subject, query) =>
  el('p', { class: 'downloads' }, Object.entries(FORMATS).map(([format, words]) =>
    el('a', { class: 'link', download: '', href: withQuery(`/api/v1/exports/${subject}`, { ...query, format }), 'data-key': `download-${format}` }, words)));

/** Draw it into a box. */
export function drawDoing(box, track, mayChange) {
  fill(box,
    mayChange ? noteForm(box, track) : track.note && el('p', { class: 'note-text' }, track.note),
    el('h3', {}, tr('Download')),
    downloads('tracks', { device: track.device_id, from: track.start_time, to: justAfter(track.end_time) }),
    mayChange && hideButton(box, track));
}

function noteForm(box, track) {
  const name = el('input', { name: 'name', maxlength: 200, value: track.name ?? '', placeholder: tr('Name this track'), 'aria-label': tr('Name'), 'data-key': 'track-name', autocomplete: 'off' });
  const note = el('textarea', { name: 'note', maxlength: 4000, rows: 2, placeholder: tr('Note'), 'aria-label': tr('Note'), 'data-key': 'track-note' });
  note.value = track.note ?? '';
  const save = async (event) => {
    event.preventDefault();
    event.submitter?.focus(); // from the input: what is drawn anew spares one that is written in
    await act(box, () => send('PUT', `/api/v1/tracks/${encodeURIComponent(track.track_id)}/note`, { name: name.value, note: note.value }), tr('Saved'));
  };
  return el('form', { class: 'note-form', 'aria-label': tr('Name and note'), on: { submit: save, input: touch } }, name, note,
    el('button', { type: 'submit', class: 'plain', 'data-key': 'save-note' }, tr('Save')));
}

function hideButton(box, track) {
  const hide = async () => {
    const wanted = { device_id: track.device_id, start_time: track.start_time, end_time: justAfter(track.end_time) };
    const report = await act(box, () => send('POST', '/api/v1/points/hidings', wanted), tr('Hidden'));
    if (!report) return;
    change({ track: null });
    offerRestore(report);
  };
  return [
    el('h3', {}, tr('Hide')),
    el('p', { class: 'sub wrap' }, tr('Its points leave the map, lists and downloads, and can be brought back.')),
    el('button', { type: 'button', class: 'plain', 'data-key': 'hide-track', on: { click: hide } }, tr('Hide this track’s points')),
  ];
}

/** Say that points are hidden, with the way back. */
export function offerRestore(report) {
  document.getElementById('hidden-offer')?.remove();
  const close = el('button', { type: 'button', class: 'link', 'aria-label': tr('Close'), on: { click: () => offer.remove() } }, '×');
  const restore = async () => {
    offer.querySelector('button').disabled = true;
    try {
      await send('POST', `/api/v1/points/hidings/${report.hiding.hiding_id}/restore`);
      forget();
      tell(tr('Restored'));
      offer.remove();
      onChanged.call();
    } catch (error) {
      offer.append(el('span', { class: 'bad', role: 'alert' }, wordsOf(error)));
    }
  };
  const offer = el('div', { id: 'hidden-offer', class: 'card offer', role: 'status' },
    el('span', {}, plural('{n} point hidden; the map follows when the day is made again.', '{n} points hidden; the map follows when the day is made again.', report.points)),
    el('button', { type: 'button', class: 'plain', 'data-key': 'restore', on: { click: restore } }, tr('Restore')),
    el('a', { class: 'link', href: '/data#hidden' }, tr('All hidden points')), close);
  document.body.append(offer);
}

async function act(box, ask, said) {
  try {
    const answer = await ask();
    forget();
    box.querySelector('.touched')?.classList.remove('touched');
    tell(said);
    await onChanged.call();
    return answer ?? true;
  } catch (error) {
    box.querySelector('.bad')?.remove();
    box.append(el('p', { class: 'bad', role: 'alert' }, wordsOf(error)));
    return null;
  }
}
