// The chosen mesh: its picture or its view in 3D, numbers, downloads, and what can be done with it.

import { byId, el, fill } from './dom.js';
import { age, count, duration } from './format.js';
import { bytes, inWork, meter, stateMark, stateWords, thumbnail } from './mesh-list.js';

const FORMS = [
  [/^mesh\.glb$/, 'GLB, for viewers and games'], [/^mesh\.draco\.glb$/, 'GLB, packed by Draco'], [/^level-(\d+)\.glb$/, 'GLB, level of detail $1'],
  [/^level-(\d+)\.draco\.glb$/, 'GLB, level $1, packed'], [/\.stl$/, 'STL, for printing'], [/\.3mf$/, '3MF, for printing'], [/\.obj$/, 'OBJ'],
  [/^thumbnail\.png$/, 'Picture'],
];

let viewer = null;
let shown = { meshId: null, file: null }; // what the viewer shows
let level = null; // the chosen file
let opening = 0;

// ---- the frame -----------------------------------------------------------------------------

/** Draw the chosen mesh. `actions`: retry, cancel, remove, close. */
export function drawMesh(mesh, mayMake, actions) {
  byId('mesh').hidden = false;
  const button = (words, key, action, kind = 'plain') => el('button', { type: 'button', class: kind, 'data-key': key, on: { click: () => action(mesh) } }, words);
  fill(byId('mesh-head'),
    el('h2', {}, mesh.image_name), stateMark(mesh), el('span', { class: 'push' }),
    mayMake && ['failed', 'cancelled'].includes(mesh.status) && button('Try again', 'retry', actions.retry, HOPELESS.has(mesh.error_kind) ? 'plain' : 'primary'),
    mayMake && inWork(mesh) && !mesh.cancel_requested && button('Cancel', 'cancel', actions.cancel),
    mayMake && !inWork(mesh) && button('Delete…', 'remove', actions.remove),
    el('button', { type: 'button', class: 'icon close', 'aria-label': 'Close', title: 'Close', 'data-key': 'close-mesh', on: { click: () => actions.close(mesh) } }, '×'));
  fill(byId('mesh-facts'), facts(mesh));
  drawView(mesh);
}

export function hideMesh() {
  byId('mesh').hidden = true;
  closeViewer();
}

// ---- numbers -------------------------------------------------------------------------------

const WAITS_LONG_S = 60;
const waitsLong = (mesh) => mesh.status === 'queued' && !mesh.next_try_at && (Date.now() - new Date(mesh.created_at)) / 1000 > WAITS_LONG_S;

const rounded = (n, digits) => Number(n.toPrecision(digits)).toLocaleString('en-GB');
const metres = (m) => (m === null || m === undefined ? '–' : Math.abs(m) >= 1e4 ? `${rounded(m / 1e3, 4)} km` : `${rounded(m, 4)} m`);

function facts(mesh) {
  const { report } = mesh;
  return [
    inWork(mesh) && el('div', { class: 'at-work' }, el('span', { class: 'strong' }, stateWords(mesh)), meter(mesh.progress, stateWords(mesh), 'Progress'),
      waitsLong(mesh) && el('p', { class: 'dim' }, 'Nothing has begun it yet: “trackflow serve” makes meshes.'),
      mesh.next_try_at && mesh.error_message && el('p', { class: 'dim' }, `The last try failed: ${mesh.error_message}`)),
    mesh.status === 'failed' && el('div', { class: 'wait', role: 'alert' }, el('p', { class: 'strong' }, sentence(mesh.error_message ?? 'It failed')), el('p', { class: 'dim' }, advice(mesh))),
    mesh.status === 'cancelled' && el('p', { class: 'dim' }, sentence(mesh.error_message ?? 'It was cancelled')),
    report && el('dl', { class: 'figures' }, numbers(mesh, report)),
    report && !report.is_watertight && report.open_reason && el('p', { class: 'dim' }, `Not watertight: ${report.open_reason}.`),
    report?.notes?.length > 0 && el('ul', { class: 'notes' }, report.notes.map((note) => el('li', {}, sentence(note)))),
    mesh.files?.length > 0 && downloads(mesh),
    el('h3', {}, 'Asked for'),
    el('p', { class: 'dim asked' }, Object.keys(mesh.parameters).length ? Object.entries(mesh.parameters).map(([name, value]) => el('code', {}, `${name}: ${value}`)) : 'the usual'),
    el('p', { class: 'dim' }, 'Queued ', age(mesh.created_at), mesh.user ? ` by ${mesh.user}` : '', mesh.project ? `, project ${mesh.project}` : '', mesh.status === 'completed' && mesh.seconds !== null ? `, made in ${duration(mesh.seconds)}` : '', '.'),
  ];
}

function numbers(mesh, report) {
  const [x0, y0, z0, x1, y1, z1] = report.bounds_m;
  const pairs = [
    ['triangles', count(report.triangle_count)], ['vertices', count(report.vertex_count)],
    ['size', [x1 - x0, y1 - y0].map(metres).join(' × ').replace(/( k?m)(?= ×.*\1$)/, '')], ['heights', `${metres(z0)} to ${metres(z1)}`],
    ['largest error', `${metres(report.max_error_m)} (asked: ${metres(report.asked_error_m)})`], ['mean error', metres(report.mean_error_m)],
    ['watertight', report.is_watertight ? 'yes' : 'no'], ['files', bytes(mesh.size_bytes)],
    report.void_count > 0 && ['voids filled', count(report.void_count)], report.crs && ['coordinates', report.crs],
    report.volume_m3 !== null && ['volume', `${rounded(report.volume_m3, 4)} m³`],
  ];
  return pairs.filter(Boolean).map(([name, value]) => el('div', {}, el('dt', {}, name), el('dd', {}, value)));
}

const sentence = (text) => (/[.!?]$/.test(text) ? text : `${text}.`); // it may begin with a file's name

const HOPELESS = new Set(['image', 'address']);
const ADVICE = {
  image: 'Another try would fail in the same way: choose another image or other parameters.',
  address: 'The address cannot be used: give another one, or send the image itself.',
  fetch: 'The address did not answer. Try again when it does, or send the image itself.',
  unavailable: 'What makes meshes was away. Try again when it runs.',
  service: 'What makes meshes failed. Try again; its log says more.',
  storage: 'The storage of meshes failed: make room or bring it back, then try again.',
  died: 'Its process ended early, often for lack of memory. Try a smaller image, or coarser details.',
};
const advice = (mesh) => `${ADVICE[mesh.error_kind] ?? 'Try again; if it fails again, the log says more.'}${mesh.tries > 1 ? ` It was tried ${mesh.tries} times.` : ''}`;

/** What a file is, and its place in the list. */
function form({ name }) {
  const place = FORMS.findIndex(([pattern]) => pattern.test(name));
  return place < 0 ? { place: FORMS.length, words: name } : { place, words: FORMS[place][1].replace('$1', FORMS[place][0].exec(name)[1] ?? '') };
}

function downloads(mesh) {
  return [el('h3', {}, 'Download'),
    el('ul', { class: 'downloads' }, mesh.files.toSorted((a, b) => form(a).place - form(b).place).map((file) => el('li', {},
      el('a', { href: file.url, download: '', 'data-key': `file-${file.name}` }, form(file).words), el('span', { class: 'dim' }, bytes(file.size_bytes)))))];
}

// ---- the view in 3D ------------------------------------------------------------------------

const levelsOf = (mesh) => (mesh.files ?? []).filter(({ name }) => /^(mesh|level-\d+)\.glb$/.test(name)).sort((a, b) => (a.name === 'mesh.glb' ? -1 : b.name === 'mesh.glb' ? 1 : a.name.localeCompare(b.name, 'en', { numeric: true })));

function drawView(mesh) {
  const levels = levelsOf(mesh);
  if (mesh.status !== 'completed' || !levels.length) {
    closeViewer();
    shown = { meshId: mesh.mesh_id, file: null };
    fill(byId('viewer'), thumbnail(mesh));
    byId('viewer').dataset.state = 'none';
    return;
  }
  if (shown.meshId === mesh.mesh_id && shown.file) return;
  closeViewer();
  level = levels[0].name;
  shown = { meshId: mesh.mesh_id, file: level };
  open(mesh, levels);
}

async function open(mesh, levels) {
  const mine = ++opening;
  const box = byId('viewer');
  const words = el('p', { class: 'viewer-words', role: 'status' }, 'Loading the view in 3D…');
  const stage = el('div', { class: 'stage' });
  fill(box, thumbnail(mesh), stage, words);
  box.dataset.state = 'loading';
  try {
    const { Viewer } = await import('./mesh-viewer.js');
    if (mine !== opening) return;
    viewer = new Viewer(stage);
    box.viewer = viewer;
    viewer.canvas.setAttribute('aria-label', `${mesh.image_name} in 3D. Arrow keys turn it, plus and minus zoom, 0 shows all of it.`);
    viewer.canvas.setAttribute('role', 'application');
    const found = await show(mesh, level, words);
    if (mine !== opening) return;
    const isTerrain = mesh.report?.kind === 'terrain';
    const colour = found.picture ? 'picture' : isTerrain ? 'heights' : 'plain';
    const lift = isTerrain ? usualLift(found.steepness) : 1;
    viewer.setLook({ colour, lift, flat: !isTerrain });
    fill(box, stage, controls(mesh, levels, found, { colour, lift }), words);
    box.dataset.state = 'ready';
  } catch (error) {
    if (mine !== opening) return;
    closeViewer();
    shown = { meshId: mesh.mesh_id, file: level }; // it is not tried again with every poll
    fill(box, thumbnail(mesh), el('p', { class: 'viewer-words' }, `No view in 3D: ${reason(error)} The files below can be opened in another program.`));
    box.dataset.state = 'still';
  }
}

const LIFTS = [0.1, 0.3, 1, 2, 5];

/** A terrain whose image does not say how wide it is may be a needle: shown lower, as the bar tells. */
const usualLift = (steepness) => (steepness < 1 ? 1 : steepness < 3 ? 0.3 : 0.1);

const reason = (error) => (/webgl/i.test(error.message) ? 'this browser draws no WebGL.' : sentence(error.message));

async function show(mesh, file, words, keepView = false) {
  const address = `${mesh.files.find(({ name }) => name === file).url}?compression=draco`;
  words.hidden = false;
  const found = await viewer.load(address, { keepView, onProgress: (share) => { words.textContent = share === null ? 'Loading…' : `Loading: ${Math.round(share * 100)} %`; } });
  words.hidden = true;
  byId('viewer').dataset.triangles = found.triangles;
  return found;
}

function controls(mesh, levels, found, { colour, lift }) {
  const words = byId('viewer').querySelector('.viewer-words');
  const button = (text, label, action) => el('button', { type: 'button', class: 'icon', 'aria-label': label, title: label, on: { click: action } }, text);
  const colours = { heights: 'by height', ...(found.picture ? { picture: 'picture' } : {}), plain: 'plain' };
  return el('div', { class: 'viewer-bar', role: 'toolbar', 'aria-label': 'View' },
    button('+', 'Nearer', () => viewer.zoom(1.25)), button('−', 'Further', () => viewer.zoom(0.8)), button('⟲', 'Show all of it', () => viewer.reset()), button('⤓', 'Save this picture', () => savePicture(mesh)),
    el('label', { class: 'check' }, el('input', { type: 'checkbox', id: 'wires', on: { change: (event) => viewer.setLook({ wires: event.target.checked }) } }), 'Wires'),
    el('label', {}, 'Colours ', el('select', { id: 'colours', on: { change: (event) => viewer.setLook({ colour: event.target.value }) } },
      Object.entries(colours).map(([value, text]) => el('option', { value, selected: value === colour }, text)))),
    el('label', {}, 'Heights ', el('select', { id: 'lift', on: { change: (event) => viewer.setLook({ lift: Number(event.target.value) }) } },
      LIFTS.map((times) => el('option', { value: times, selected: times === lift }, `× ${times}`)))),
    levels.length > 1 && el('label', {}, 'Level ', el('select', {
      id: 'level', on: {
        change: async (event) => {
          level = event.target.value;
          try { await show(mesh, level, words, true); } catch (error) { words.hidden = false; words.textContent = reason(error); }
        },
      },
    }, levels.map(({ name }, k) => el('option', { value: name }, String(k + 1))))));
}

function savePicture(mesh) {
  el('a', { href: viewer.snapshot(), download: `${mesh.image_name.replace(/\.\w+$/, '')}.png` }).click();
}

function closeViewer() {
  opening += 1;
  viewer?.close();
  viewer = null;
  byId('viewer').viewer = null;
  delete byId('viewer').dataset.triangles;
  shown = { meshId: null, file: null };
}
