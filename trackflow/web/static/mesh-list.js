// The list of meshes with their pictures, states and numbers; and the batches.

import { el, empty, fill, byId } from './dom.js';
import { age, count, decimal, percent } from './format.js';
import { nobodyWorksHint } from './waiting.js';
import { plural, tr } from './words.js';

const STATES = {
  queued: tr('waits'), running: tr('in work'), completed: tr('finished'), failed: tr('failed'), cancelled: tr('cancelled'), retired: tr('deleted'),
};
const STEPS = { reading: tr('reading'), triangulating: tr('triangulating'), writing: tr('writing'), drawing: tr('drawing'), tracing: tr('tracing') };
const LEVELS = { queued: 'busy', running: 'busy', completed: 'good', failed: 'bad', cancelled: '', retired: '' };

export const inWork = (mesh) => mesh.status === 'queued' || mesh.status === 'running';

/** The state in words, with what it waits for. */
export function stateWords(mesh) {
  if (mesh.cancel_requested && mesh.status === 'running') return tr('stops soon');
  if (mesh.status === 'queued' && mesh.next_try_at && mesh.tries) return tr('waits for try {n}', { n: mesh.tries + 1 });
  if (mesh.status === 'running' && mesh.step) return `${STEPS[mesh.step] ?? mesh.step}, ${percent(mesh.progress)}`;
  return STATES[mesh.status] ?? mesh.status;
}

export const stateMark = (mesh) =>
  el('span', { class: 'state-mark', data: { level: LEVELS[mesh.status] ?? '' } }, el('span', { class: 'dot' }), stateWords(mesh));

/** A bar that shows how far something is; `words` for people who listen. */
export function meter(share, words, label) {
  const reached = Math.round(share * 100);
  return el('div', { class: 'meter', role: 'progressbar', 'aria-label': label, 'aria-valuemin': 0, 'aria-valuemax': 100, 'aria-valuenow': reached, 'aria-valuetext': words },
    el('span', { style: { width: `${reached}%` } }));
}

/** Bytes in words. */
export function bytes(n) {
  if (n === null || n === undefined) return '–';
  const [unit, size] = n < 1e3 ? [tr('bytes'), 1] : n < 1e6 ? ['kB', 1e3] : ['MB', 1e6];
  return `${decimal(n / size, n / size < 10 && size > 1 ? 1 : 0)} ${unit}`;
}

/** The mesh's picture, or a sign in its place until there is one. */
export function thumbnail(mesh) {
  const box = el('span', { class: 'thumb', 'aria-hidden': true });
  const sign = () => box.replaceChildren(el('span', { class: 'no-thumb' }, mesh.status === 'failed' ? '!' : '△'));
  sign();
  if (mesh.thumbnail_url) {
    const image = el('img', { src: mesh.thumbnail_url, alt: '', loading: 'lazy', decoding: 'async' });
    image.addEventListener('load', () => box.replaceChildren(image));
    image.addEventListener('error', sign);
    box.append(image); // a picture that is in no document would be loaded only now and then
  }
  return box;
}

function card(mesh, chosen, onOpen) {
  const tight = mesh.report?.is_watertight;
  return el('li', {},
    el('a', {
      class: 'mesh-card', href: `/meshes/${encodeURIComponent(mesh.mesh_id)}`, 'data-key': `mesh-${mesh.mesh_id}`, 'aria-current': mesh.mesh_id === chosen ? 'true' : null,
      on: { click: (event) => { if (event.ctrlKey || event.metaKey || event.shiftKey) return; event.preventDefault(); onOpen(mesh.mesh_id); } },
    },
      thumbnail(mesh),
      el('span', { class: 'mesh-words' },
        el('span', { class: 'name' }, mesh.image_name),
        el('span', { class: 'sub' }, stateMark(mesh), mesh.project ? ` · ${mesh.project}` : ''),
        inWork(mesh) ? meter(mesh.progress, stateWords(mesh), tr('Progress of {what}', { what: mesh.image_name }))
        : mesh.status === 'completed' ? el('span', { class: 'sub' }, [plural('{n} triangle', '{n} triangles', mesh.triangle_count), bytes(mesh.size_bytes), tight && tr('watertight')].filter(Boolean).join(' · '))
        : mesh.error_message ? el('span', { class: 'sub bad two-lines', lang: 'en' }, mesh.error_message) : el('span', { class: 'sub' }, age(mesh.finished_at ?? mesh.created_at)))));
}

const kept = new Map(); // mesh id -> { mark, card }: a picture that is there need not be loaded again

/** Draw the list; cards of meshes that have not changed stay as they are. */
export function drawList({ rows, next, chosen, mayMake, filtered }, onOpen, onMore) {
  const cards = rows.map((mesh) => {
    const mark = JSON.stringify([mesh, mesh.mesh_id === chosen]);
    if (kept.get(mesh.mesh_id)?.mark !== mark) kept.set(mesh.mesh_id, { mark, card: card(mesh, chosen, onOpen) });
    return kept.get(mesh.mesh_id).card;
  });
  fill(byId('meshes'),
    nobodyWorksHint(...rows),
    cards.length ? el('ul', { class: 'cards', 'aria-label': tr('Meshes') }, cards)
    : filtered ? empty(tr('No such meshes'), tr('Choose “all” to see the others.'))
    : empty(tr('No meshes yet'), mayMake ? tr('Choose images above, or give the address of one.') : tr('Making meshes takes a token for admin.')),
    next && el('button', { type: 'button', class: 'plain more', 'data-key': 'more', on: { click: onMore } }, tr('Show more')));
}

const KINDS = { mesh_batch: tr('Batch'), mesh_sync: tr('Sync') };

/** Draw the batches: those in work, and the last ones. */
export function drawBatches(jobs, mayMake, { onShow, onCancel, onResume, shown }) {
  byId('batches').hidden = !jobs.length;
  fill(byId('batch-rows'), jobs.map((job) => {
    const live = ['queued', 'running'].includes(job.status);
    const done = (job.completed ?? 0) + (job.failed ?? 0);
    const share = job.total ? Math.min(1, done / job.total) : job.status === 'completed' ? 1 : 0;
    const words = [
      job.cancel_requested && live ? tr('stops soon') : STATES[job.status] ?? job.status,
      job.total !== null && tr('{n} of {all}', { n: count(job.completed), all: count(job.total) }), job.failed ? tr('{n} failed', { n: count(job.failed) }) : null,
    ].filter(Boolean).join(', ');
    const title = [KINDS[job.kind] ?? job.kind, job.project].filter(Boolean).join(' · ');
    return el('div', { class: 'job', data: { status: job.status } },
      el('div', { class: 'job-head' }, el('span', { class: 'name' }, title), el('span', { class: 'dim' }, age(job.created_at)),
        el('button', { type: 'button', class: 'link', 'data-key': `show-${job.batch_id}`, 'aria-pressed': shown === job.batch_id, on: { click: () => onShow(job.batch_id) } }, shown === job.batch_id ? tr('Show all') : tr('Show its meshes')),
        mayMake && live && !job.cancel_requested && el('button', { type: 'button', class: 'link', 'data-key': `cancel-${job.batch_id}`, on: { click: () => onCancel(job) } }, tr('Cancel')),
        mayMake && ['failed', 'cancelled'].includes(job.status) && el('button', { type: 'button', class: 'link', 'data-key': `resume-${job.batch_id}`, on: { click: () => onResume(job) } }, tr('Resume'))),
      meter(share, words, tr('Progress of {what}', { what: title })),
      el('p', { class: 'sub' }, words),
      nobodyWorksHint(job),
      job.error && el('p', { class: 'bad', lang: 'en' }, job.error));
  }));
}
