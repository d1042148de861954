// Sending files to be imported: with what became of each, and undo.

import { forget, send } from './api.js';
import { refusalName } from './codes.js';
import { announce, byId, capital, el, english, fill } from './dom.js';
import { count, percent, when } from './format.js';
import { wordsOf } from './problems.js';
import { sendForm } from './sending.js';
import { plural, tr } from './words.js';

const MOST_SHOWN = 200;
const NAMED_BY = { 'its name': tr('by its name'), 'its folder': tr('by its folder'), 'the name that was given': tr('by the name that was given') };

/** Called after an import or its undoing, so that lists follow. */
export const onImported = { call: () => {} };

/** Send files as one import; `onShare` is called with the share that has arrived. */
function sendFiles(files, fields, onShare) {
  const form = new FormData();
  for (const [name, value] of Object.entries(fields)) if (value) form.append(name, value);
  for (const file of files) form.append('file', file, file.path || file.webkitRelativePath || file.name);
  return sendForm('/api/v1/imports', form, onShare);
}

/** Import files and draw what happens into a box. */
export async function importInto(box, files, fields = {}) {
  const bar = el('span', {});
  const words = el('p', { class: 'dim' }, plural('{n} file on the way', '{n} files on the way', files.length));
  fill(box, words, el('div', { class: 'meter', role: 'progressbar', 'aria-label': tr('Sent') }, bar));
  try {
    const report = await sendFiles(files, fields, (share) => {
      bar.style.width = `${share * 100}%`;
      words.textContent = share < 1 ? tr('{share} sent', { share: percent(share) }) : plural('{n} file arrived and is read', '{n} files arrived and are read', files.length);
    });
    forget();
    drawSummary(box, report);
    onImported.call();
  } catch (error) {
    fill(box, el('p', { class: 'bad', role: 'alert' }, wordsOf(error)));
  }
}

/** What became of every file, and the way back. */
function drawSummary(box, report) {
  const { added } = report.points;
  const stored = report.import_id && (added || report.points.conflicting || report.points.refused);
  announce(plural('{n} point added', '{n} points added', added));
  fill(box,
    el('p', { class: 'strong' }, tr('{points} from {files}', { points: plural('{n} point added', '{n} points added', added), files: plural('from|{n} file', 'from|{n} files', report.files.length) })),
    el('ul', { class: 'summary', 'aria-label': tr('What became of each file') }, report.files.slice(0, MOST_SHOWN).map(fileRow)),
    report.files.length > MOST_SHOWN && el('p', { class: 'dim' }, plural('and {n} file more', 'and {n} files more', report.files.length - MOST_SHOWN)),
    stored && el('p', { class: 'undo' }, el('button', { type: 'button', class: 'plain', 'data-key': 'undo-import', on: { click: () => undoInto(box, report.import_id) } }, tr('Undo this import')),
      el('span', { class: 'dim' }, tr('It stays in the list of imports.'))));
  box.querySelector('[data-key=undo-import]')?.focus();
}

/** What is wrong, without the name that stands above it. */
const withoutName = (text, name) => (text.startsWith(`${name}: `) ? text.slice(name.length + 2) : text);

function fileRow(file) {
  const { points } = file;
  const devices = Object.keys(file.devices);
  const parts = [
    points.added && plural('points|{n} added', 'points|{n} added', points.added),
    points.repeated && plural('points|{n} there already', 'points|{n} there already', points.repeated),
    points.conflicting && plural('points|{n} set aside: a better one has the same time', 'points|{n} set aside: a better one has the same time', points.conflicting),
    points.too_old && plural('points|{n} older than what is kept', 'points|{n} older than what is kept', points.too_old),
  ].filter(Boolean);
  const refused = Object.entries(file.reasons).map(([reason, n]) => `${count(n)} ${refusalName(reason)}`);
  const passedOver = Object.entries(file.passed_over).map(([what, n]) => `${what}: ${count(n)}`).join(', ');
  const state = file.error ? 'bad' : file.skipped || !points.added ? 'dim' : 'good';
  return el('li', { data: { state } },
    el('span', { class: 'name' }, file.name),
    file.error && el('p', { class: 'bad' }, english(capital(withoutName(file.error, file.name)))),
    file.skipped && el('p', { class: 'dim' }, tr('left out: {reason}', { reason: english(file.skipped) })),
    !file.error && !file.skipped && el('p', {}, parts.join(', ') || tr('nothing new')),
    passedOver && el('p', { class: 'dim' }, tr('passed over: {what}', { what: english(passedOver) })),
    file.naive > 0 && el('p', { class: 'dim' }, plural('{n} time names no zone: it is read as UTC, or in the zone that was given', '{n} times name no zone: they are read as UTC, or in the zone that was given', file.naive)),
    devices.length > 0 && el('p', { class: 'dim' }, [file.format, devices.length > 3 ? plural('{n} device', '{n} devices', devices.length) : devices.join(', '), NAMED_BY[file.device_by]].filter(Boolean).join(' · '), file.first && [' · ', when(file.first), ' – ', when(file.last)]),
    refused.length > 0 && el('p', { class: 'bad' }, tr('refused: {reasons}', { reasons: refused.join(', ') }), file.examples.length > 0 && [' (', tr('such as {example}', { example: english(file.examples[0]) }), ')']),
    file.hint && el('p', { class: 'bad' }, english(file.hint)));
}

async function undoInto(box, importId) {
  try {
    const undone = await send('POST', `/api/v1/imports/${encodeURIComponent(importId)}/undo`);
    forget();
    fill(box, el('p', { class: 'strong', role: 'status' }, undoneWords(undone)));
    announce(tr('The import is undone'));
    onImported.call();
  } catch (error) {
    box.append(el('p', { class: 'bad', role: 'alert' }, wordsOf(error)));
  }
}

/** What undoing an import has changed, in words. */
export function undoneWords(undone) {
  if (undone.repeated) return tr('It was undone already.');
  const restored = undone.restored && plural('{n} is stored still or again, as others brought it.', '{n} are stored still or again, as others brought them.', undone.restored);
  const gone = undone.dropped.length > 0 && tr('Nothing else is known of {devices}.', { devices: undone.dropped.join(', ') });
  return [plural('Undone: {n} point removed.', 'Undone: {n} points removed.', undone.removed), restored, gone].filter(Boolean).join(' ');
}

/** The dialog of an import on the map page. */
export function importDialog(files) {
  byId('import')?.remove();
  const box = el('div', { class: 'import-box' });
  const dialog = el('dialog', { id: 'import', class: 'card login import', 'aria-labelledby': 'import-title', on: { close: () => dialog.remove() } },
    el('h2', { id: 'import-title' }, tr('Import')), box,
    el('p', { class: 'actions' }, el('button', { type: 'button', 'data-key': 'close-import', on: { click: () => dialog.close() } }, tr('Close'))));
  document.body.append(dialog);
  dialog.showModal();
  importInto(box, files);
}
