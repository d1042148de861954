// The chosen mesh: its picture or its view in 3D, numbers, downloads, and what can be done with it.

import { byId, el, english, fill } from './dom.js';
import { age, count, duration, percent } from './format.js';
import { bytes, inWork, meter, stateMark, stateWords, thumbnail } from './mesh-list.js';
import { nobodyWorksHint } from './waiting.js';
import { LOCALE, plural, tr } from './words.js';

const FORMS = [
  [/^mesh\.glb$/, tr('GLB, for viewers and games')], [/^mesh\.draco\.glb$/, tr('GLB, packed by Draco')], [/^level-(\d+)\.glb$/, tr('GLB, level of detail {n}', { n: '$1' })],
  [/^level-(\d+)\.draco\.glb$/, tr('GLB, level {n}, packed', { n: '$1' })], [/\.stl$/, tr('STL, for printing')], [/\.3mf$/, tr('3MF, for printing')], [/\.obj$/, 'OBJ'],
  [/^thumbnail\.png$/, tr('Picture')],
];

let viewer = null;
let shown = { meshId: null, file: null }; // what the viewer shows
let level = null; // the chosen file
let opening = 0;

// ---- the frame -----------------------------------------------------------------------------

/** Draw the chosen mesh. `others`: those in the list; `actions`: retry, cancel, remove, close. */
export function drawMesh(mesh, others, mayMake, actions) {
  byId('mesh').hidden = false;
  const button = (words, key, action, kind = 'plain') => el('button', { type: 'button', class: kind, 'data-key': key, on: { click: () => action(mesh) } }, words);
  fill(byId('mesh-head'),
    el('h2', {}, mesh.image_name), stateMark(mesh), el('span', { class: 'push' }),
    mayMake && ['failed', 'cancelled'].includes(mesh.status) && button(tr('Try again'), 'retry', actions.retry, HOPELESS.has(mesh.error_kind) ? 'plain' : 'primary'),
    mayMake && inWork(mesh) && !mesh.cancel_requested && button(tr('Cancel'), 'cancel', actions.cancel),
    mayMake && !inWork(mesh) && button(tr('Delete…'), 'remove', actions.remove),
    el('button', { type: 'button', class: 'icon close', 'aria-label': tr('Close'), title: tr('Close'), 'data-key': 'close-mesh', on: { click: () => actions.close(mesh) } }, '×'));
  fill(byId('mesh-facts'), facts(mesh, others));
  drawView(mesh);
}

export function hideMesh() {
  byId('mesh').hidden = true;
  closeViewer();
}

// ---- numbers -------------------------------------------------------------------------------

const rounded = (n, digits) => Number(n.toPrecision(digits)).toLocaleString(LOCALE);
const metres = (m) => (m === null || m === undefined ? '–' : Math.abs(m) >= 1e4 ? `${rounded(m / 1e3, 4)} km` : `${rounded(m, 4)} m`);

function facts(mesh, others) {
  const { report } = mesh;
  return [
    inWork(mesh) && el('div', { class: 'at-work' }, el('span', { class: 'strong' }, stateWords(mesh)), meter(mesh.progress, stateWords(mesh), tr('Progress')),
      nobodyWorksHint(mesh, ...others),
      mesh.next_try_at && mesh.error_message && el('p', { class: 'dim' }, tr('The last try failed: {message}', { message: english(mesh.error_message) }))),
    mesh.status === 'failed' && el('div', { class: 'wait', role: 'alert' }, el('p', { class: 'strong' }, mesh.error_message ? english(sentence(mesh.error_message)) : tr('It failed.')), el('p', { class: 'dim' }, advice(mesh))),
    mesh.status === 'cancelled' && el('p', { class: 'dim' }, mesh.error_message ? english(sentence(mesh.error_message)) : tr('It was cancelled.')),
    report && el('dl', { class: 'figures' }, numbers(mesh, report)),
    report && !report.is_watertight && report.open_reason && el('p', { class: 'dim' }, tr('Not watertight: {reason}.', { reason: english(report.open_reason) })),
    report?.notes?.length > 0 && el('ul', { class: 'notes' }, report.notes.map((note) => el('li', { lang: 'en' }, sentence(note)))),
    mesh.files?.length > 0 && downloads(mesh),
    el('h3', {}, tr('Asked for')),
    el('p', { class: 'dim asked' }, Object.keys(mesh.parameters).length ? Object.entries(mesh.parameters).map(([name, value]) => el('code', {}, `${name}: ${value}`)) : tr('the usual')),
    el('p', { class: 'dim' }, tr('Queued {time}.', { time: age(mesh.created_at) }),
      mesh.user && ` ${tr('By: {who}.', { who: mesh.user })}`, mesh.project && ` ${tr('Project: {project}.', { project: mesh.project })}`,
      mesh.status === 'completed' && mesh.seconds !== null && ` ${tr('Made in {time}.', { time: duration(mesh.seconds) })}`),
  ];
}

function numbers(mesh, report) {
  const [x0, y0, z0, x1, y1, z1] = report.bounds_m;
  const pairs = [
    [tr('triangles'), count(report.triangle_count)], [tr('vertices'), count(report.vertex_count)],
    [tr('size'), [x1 - x0, y1 - y0].map(metres).join(' × ').replace(/( k?m)(?= ×.*\1$)/, '')], [tr('heights'), tr('{low} to {high}', { low: metres(z0), high: metres(z1) })],
    [tr('largest error'), tr('{error} (asked: {asked})', { error: metres(report.max_error_m), asked: metres(report.asked_error_m) })], [tr('mean error'), metres(report.mean_error_m)],
    [tr('watertight'), report.is_watertight ? tr('yes') : tr('no')], [tr('files'), bytes(mesh.size_bytes)],
    report.void_count > 0 && [tr('voids filled'), count(report.void_count)], report.crs && [tr('coordinates'), report.crs],
    report.volume_m3 !== null && [tr('volume'), `${rounded(report.volume_m3, 4)} m³`],
  ];
  return pairs.filter(Boolean).map(([name, value]) => el('div', {}, el('dt', {}, name), el('dd', {}, value)));
}

const sentence = (text) => (/[.!?]$/.test(text) ? text : `${text}.`); // it may begin with a file's name

const HOPELESS = new Set(['image', 'address']);
const ADVICE = {
  image: tr('Another try would fail in the same way: choose another image or other parameters.'),
  address: tr('The address cannot be used: give another one, or send the image itself.'),
  fetch: tr('The address did not answer. Try again when it does, or send the image itself.'),
  unavailable: tr('What makes meshes was away. Try again when it runs.'),
  service: tr('What makes meshes failed. Try again; its log says more.'),
  storage: tr('The storage of meshes failed: make room or bring it back, then try again.'),
  died: tr('Its process ended early, often for lack of memory. Try a smaller image, or coarser details.'),
};
const advice = (mesh) => `${ADVICE[mesh.error_kind] ?? tr('Try again; if it fails again, the log says more.')}${mesh.tries > 1 ? ` ${plural('It was tried once.', 'It was tried {n} times.', mesh.tries)}` : ''}`;

/** What a file is, and its place in the list. */
function form({ name }) {
  const place = FORMS.findIndex(([pattern]) => pattern.test(name));
  return place < 0 ? { place: FORMS.length, words: name } : { place, words: FORMS[place][1].replace('$1', FORMS[place][0].exec(name)[1] ?? '') };
}

function downloads(mesh) {
  return [el('h3', {}, tr('Download')),
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
  const words = el('p', { class: 'viewer-words', role: 'status' }, tr('Loading the view in 3D…'));
  const stage = el('div', { class: 'stage' });
  fill(box, thumbnail(mesh), stage, words);
  box.dataset.state = 'loading';
  try {
    const { Viewer } = await import('./mesh-viewer.js');
    if (mine !== opening) return;
    viewer = new Viewer(stage);
    box.viewer = viewer;
    viewer.canvas.setAttribute('aria-label', tr('{name} in 3D. Arrow keys turn it, plus and minus zoom, 0 shows all of it.', { name: mesh.image_name }));
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
    fill(box, thumbnail(mesh), el('p', { class: 'viewer-words' }, tr('No view in 3D: {reason} The files below can be opened in another program.', { reason: reason(error) })));
    box.dataset.state = 'still';
  }
}

const LIFTS = [0.1, 0.3, 1, 2, 5];

/** A terrain whose image does not say how wide it is may be a needle: shown lower, as the bar tells. */
const usualLift = (steepness) => (steepness < 1 ? 1 : steepness < 3 ? 0.3 : 0.1);

const reason = (error) => (/webgl/i.test(error.message) ? tr('this browser draws no WebGL.') : english(sentence(error.message)));

async function show(mesh, file, words, keepView = false) {
  const address = `${mesh.files.find(({ name }) => name === file).url}?compression=draco`;
  words.hidden = false;
  const found = await viewer.load(address, { keepView, onProgress: (share) => { words.textContent = share === null ? tr('Loading…') : tr('Loading: {share}', { share: percent(share) }); } });
  words.hidden = true;
  byId('viewer').dataset.triangles = found.triangles;
  return found;
}

function controls(mesh, levels, found, { colour, lift }) {
  const words = byId('viewer').querySelector('.viewer-words');
  const button = (text, label, action) => el('button', { type: 'button', class: 'icon', 'aria-label': label, title: label, on: { click: action } }, text);
  const colours = { heights: tr('by height'), ...(found.picture ? { picture: tr('picture') } : {}), plain: tr('plain') };
  return el('div', { class: 'viewer-bar', role: 'toolbar', 'aria-label': tr('View') },
    button('+', tr('Nearer'), () => viewer.zoom(1.25)), button('−', tr('Further'), () => viewer.zoom(0.8)), button('⟲', tr('Show all of it'), () => viewer.reset()), button('⤓', tr('Save this picture'), () => savePicture(mesh)),
    el('label', { class: 'check' }, el('input', { type: 'checkbox', id: 'wires', on: { change: (event) => viewer.setLook({ wires: event.target.checked }) } }), tr('Wires')),
    el('label', {}, `${tr('Colours')} `, el('select', { id: 'colours', on: { change: (event) => viewer.setLook({ colour: event.target.value }) } },
      Object.entries(colours).map(([value, text]) => el('option', { value, selected: value === colour }, text)))),
    el('label', {}, `${tr('Heights')} `, el('select', { id: 'lift', on: { change: (event) => viewer.setLook({ lift: Number(event.target.value) }) } },
      LIFTS.map((times) => el('option', { value: times, selected: times === lift }, `× ${times.toLocaleString(LOCALE)}`)))),
    levels.length > 1 && el('label', {}, `${tr('Level')} `, el('select', {
      id: 'level', on: {
        change: async (event) => {
          level = event.target.value;
          try { await show(mesh, level, words, true); } catch (error) { words.hidden = false; fill(words, reason(error)); }
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
