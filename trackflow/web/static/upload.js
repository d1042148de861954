// Sending files to be imported: by drag and drop or by button, with what became of each, and undo.

import { ApiError, forget, onSignedOut, send } from './api.js';
import { announce, byId, el, fill } from './dom.js';
import { count, counted, when } from './format.js';

const MOST_SHOWN = 200;

/** Called after an import or its undoing, so that lists follow. */
export const onImported = { call: () => {} };

/** Send files as one import; `onShare` is called with the share that has arrived. */
function sendFiles(files, fields, onShare) {
  const form = new FormData();
  for (const [name, value] of Object.entries(fields)) if (value) form.append(name, value);
  for (const file of files) form.append('file', file, file.path ?? file.webkitRelativePath ?? file.name);
  return new Promise((done, failed) => {
    const request = new XMLHttpRequest(); // fetch does not say how far a body is
    request.open('POST', '/api/v1/imports');
    request.responseType = 'json';
    request.upload.addEventListener('progress', (event) => onShare(event.total ? event.loaded / event.total : 0));
    request.addEventListener('load', () => {
      if (request.status >= 200 && request.status < 300) return done(request.response);
      const message = request.response?.error ?? `The server answered ${request.status}.`;
      if (request.status === 401) onSignedOut.call(message);
      return failed(new ApiError(request.status, message));
    });
    request.addEventListener('error', () => failed(new ApiError(0, 'The server does not answer, or the files are too large for it.')));
    request.send(form);
  });
}

/** Import files and draw what happens into a box. */
export async function importInto(box, files, fields = {}) {
  const bar = el('span', {});
  const words = el('p', { class: 'dim' }, `${counted(files.length, 'file')} on the way`);
  fill(box, words, el('div', { class: 'meter', role: 'progressbar', 'aria-label': 'Sent' }, bar));
  try {
    const report = await sendFiles(files, fields, (share) => {
      bar.style.width = `${share * 100}%`;
      words.textContent = share < 1 ? `${Math.round(share * 100)} % sent` : `${counted(files.length, 'file')} arrived and ${files.length === 1 ? 'is' : 'are'} read`;
    });
    forget();
    drawSummary(box, report);
    onImported.call();
  } catch (error) {
    fill(box, el('p', { class: 'bad', role: 'alert' }, error.message));
  }
}

/** What became of every file, and the way back. */
function drawSummary(box, report) {
  const { added } = report.points;
  const stored = report.import_id && (added || report.points.conflicting || report.points.refused);
  announce(`${counted(added, 'point')} added`);
  fill(box,
    el('p', { class: 'strong' }, `${counted(added, 'point')} added from ${counted(report.files.length, 'file')}`),
    el('ul', { class: 'summary', 'aria-label': 'What became of each file' }, report.files.slice(0, MOST_SHOWN).map(fileRow)),
    report.files.length > MOST_SHOWN && el('p', { class: 'dim' }, `and ${counted(report.files.length - MOST_SHOWN, 'file')} more`),
    stored && el('p', { class: 'undo' }, el('button', { type: 'button', class: 'plain', 'data-key': 'undo-import', on: { click: () => undoInto(box, report.import_id) } }, 'Undo this import'),
      el('span', { class: 'dim' }, 'It stays in the list of imports.')));
  box.querySelector('[data-key=undo-import]')?.focus();
}

function fileRow(file) {
  const { points } = file;
  const devices = Object.keys(file.devices);
  const parts = [
    points.added && `${count(points.added)} added`,
    points.repeated && `${count(points.repeated)} there already`,
    points.conflicting && `${count(points.conflicting)} set aside: a better one has the same time`,
    points.too_old && `${count(points.too_old)} older than what is kept`,
  ].filter(Boolean);
  const refused = Object.entries(file.reasons).map(([reason, n]) => `${count(n)} ${reason.replaceAll('_', ' ')}`);
  const state = file.error ? 'bad' : file.skipped || !points.added ? 'dim' : 'good';
  return el('li', { data: { state } },
    el('span', { class: 'name' }, file.name),
    file.error && el('p', { class: 'bad' }, file.error),
    file.skipped && el('p', { class: 'dim' }, `left out: ${file.skipped}`),
    !file.error && !file.skipped && el('p', {}, parts.join(', ') || 'nothing new'),
    devices.length > 0 && el('p', { class: 'dim' }, [file.format, devices.length > 3 ? counted(devices.length, 'device') : devices.join(', '), file.device_by && `by ${file.device_by}`].filter(Boolean).join(' · '), file.first && [' · ', when(file.first), ' – ', when(file.last)]),
    refused.length > 0 && el('p', { class: 'bad' }, `refused: ${refused.join(', ')}`, file.examples.length > 0 && ` (such as ${file.examples[0]})`));
}

async function undoInto(box, importId) {
  try {
    const undone = await send('POST', `/api/v1/imports/${encodeURIComponent(importId)}/undo`);
    forget();
    fill(box, el('p', { class: 'strong', role: 'status' }, undoneWords(undone)));
    announce('The import is undone');
    onImported.call();
  } catch (error) {
    box.append(el('p', { class: 'bad', role: 'alert' }, error.message));
  }
}

/** What undoing an import has changed, in words. */
export function undoneWords(undone) {
  if (undone.repeated) return 'It was undone already.';
  const restored = undone.restored ? `, ${count(undone.restored)} stored still or again, as others brought them` : '';
  const gone = undone.dropped.length ? ` Nothing else is known of ${undone.dropped.join(', ')}.` : '';
  return `Undone: ${counted(undone.removed, 'point')} removed${restored}.${gone}`;
}

/** The files of a drop, with those of dropped folders; each knows its path. */
async function filesOf(transfer) {
  const entries = [...transfer.items].map((item) => item.webkitGetAsEntry?.()).filter(Boolean);
  if (!entries.length) return [...transfer.files];
  const found = [];
  for (const entry of entries) await walk(entry, found);
  return found;
}

async function walk(entry, found) {
  if (entry.isFile) {
    const file = await new Promise((done, failed) => entry.file(done, failed));
    file.path = entry.fullPath.replace(/^\//, '');
    found.push(file);
    return;
  }
  const reader = entry.createReader();
  for (;;) {
    const some = await new Promise((done, failed) => reader.readEntries(done, failed));
    if (!some.length) return;
    for (const child of some) await walk(child, found);
  }
}

const hasFiles = (event) => [...(event.dataTransfer?.types ?? [])].includes('Files');

/** Take files that are dropped anywhere on the page; `take` gets them. */
export function installDrop({ mayDrop, take }) {
  let depth = 0;
  const mark = (on) => document.body.classList.toggle('dropping', on);
  addEventListener('dragenter', (event) => {
    if (!hasFiles(event) || !mayDrop()) return;
    event.preventDefault();
    depth += 1;
    mark(true);
  });
  addEventListener('dragover', (event) => {
    if (hasFiles(event) && mayDrop()) event.preventDefault();
  });
  addEventListener('dragleave', () => {
    depth = Math.max(0, depth - 1);
    if (!depth) mark(false);
  });
  addEventListener('drop', async (event) => {
    depth = 0;
    mark(false);
    if (!hasFiles(event) || !mayDrop()) return;
    event.preventDefault();
    const files = await filesOf(event.dataTransfer);
    if (files.length) take(files);
  });
}

/** The dialog of an import on the map page. */
export function importDialog(files) {
  byId('import')?.remove();
  const box = el('div', { class: 'import-box' });
  const dialog = el('dialog', { id: 'import', class: 'card login import', 'aria-labelledby': 'import-title', on: { close: () => dialog.remove() } },
    el('h2', { id: 'import-title' }, 'Import'), box,
    el('p', { class: 'actions' }, el('button', { type: 'button', 'data-key': 'close-import', on: { click: () => dialog.close() } }, 'Close')));
  document.body.append(dialog);
  dialog.showModal();
  importInto(box, files);
}
