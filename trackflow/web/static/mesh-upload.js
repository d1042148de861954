// Sending images: by button, by drag and drop, or by address; and how their meshes are made.

import { send } from './api.js';
import { announce, byId, el, fill, tell } from './dom.js';
import { installDrop } from './drop.js';
import { percent } from './format.js';
import { bytes, meter } from './mesh-list.js';
import { wordsOf } from './problems.js';
import { sendForm } from './sending.js';
import { plural, tr } from './words.js';

const KEEP_S = 6; // for so long a finished line stays

/** The parameters in plain words. `of`: the kind that a parameter belongs to. */
const WISHES = [
  { name: 'kind', words: tr('The image is'), options: { '': tr('found by itself'), terrain: tr('a height map'), outline: tr('a silhouette or logo') } },
  { name: 'detail_factor', words: tr('Details'), options: { '': tr('details|usual'), 0.002: tr('very fine'), 0.005: tr('fine'), 0.02: tr('coarse'), 0.05: tr('very coarse') } },
  { name: 'max_error_m', words: tr('or: error of at most (m)'), min: 0, hint: tr('metres') },
  { name: 'encoding', of: 'terrain', words: tr('Its colours mean'), options: { '': tr('found by itself'), grey: tr('grey: darker is lower'), terrarium: 'Terrarium', terrain_rgb: 'Terrain-RGB' } },
  { name: 'width_m', of: 'terrain', words: tr('Width on the ground (m)'), min: 0.001, hint: tr('from the image') },
  { name: 'low_m', of: 'terrain', words: tr('Height of black (m)'), hint: '0' },
  { name: 'high_m', of: 'terrain', words: tr('Height of white (m)'), hint: '100' },
  { name: 'vertical_scale', of: 'terrain', words: tr('Heights times'), min: 0.000001, hint: '1' },
  { name: 'texture', of: 'terrain', words: tr('Picture on it'), options: { '': tr('picture|none'), hillshade: tr('shaded relief'), image: tr('the image itself') } },
  { name: 'levels', words: tr('Levels of detail'), options: { '': '1', 2: '2', 3: '3', 4: '4' } },
  { name: 'extrusion_m', of: 'outline', words: tr('Thickness (m)'), min: 0.000001, hint: '10' },
  { name: 'threshold', of: 'outline', words: tr('Dark from (0 to 1)'), min: 0, max: 1, hint: tr('found by itself') },
  { name: 'solid', words: tr('Files for 3D printing'), check: true },
  { name: 'print_width_mm', of: 'solid', words: tr('Width of the print (mm)'), min: 0.001, hint: '100' },
  { name: 'base_mm', of: 'solid', words: tr('Base below it (mm)'), min: 0, hint: '2' },
  { name: 'obj', words: tr('OBJ file too'), check: true },
];
const NUMBERS = new Set(['detail_factor', 'levels', ...WISHES.filter((w) => !w.options && !w.check).map((w) => w.name)]);

export function drawWishes() {
  fill(byId('parameters'), WISHES.map((wish) => {
    const id = `wish-${wish.name}`;
    const own = { id, name: wish.name };
    const input = wish.check ? el('input', { ...own, type: 'checkbox' })
      : wish.options ? el('select', own, Object.entries(wish.options).map(([value, words]) => el('option', { value }, words)))
      : el('input', { ...own, type: 'number', step: 'any', min: wish.min, max: wish.max, placeholder: wish.hint });
    return el('p', { class: wish.check ? 'wish tick' : 'wish', data: { of: wish.of ?? '' } }, el('label', { for: id }, wish.words), input);
  }), el('p', { class: 'wish' }, el('label', { for: 'wish-project' }, tr('Project')), el('input', { id: 'wish-project', type: 'text', maxlength: 200, autocomplete: 'off' })));
  // an object's keys that look like numbers come first, but the usual choice should
  for (const select of byId('parameters').querySelectorAll('select')) {
    const usual = [...select.options].find((option) => option.value === '');
    select.prepend(usual);
    usual.selected = true;
  }
  byId('parameters').addEventListener('change', showFitting);
  showFitting();
}

/** Show only what concerns the chosen kind. */
function showFitting() {
  const kind = byId('wish-kind').value;
  const solid = byId('wish-solid').checked;
  for (const wish of byId('parameters').querySelectorAll('.wish')) {
    const { of } = wish.dataset;
    wish.hidden = of === 'solid' ? !solid : Boolean(of && kind && of !== kind);
  }
}

/** What is chosen; what was left alone is not sent, so that the server's defaults hold. */
export function wishes() {
  const found = {};
  for (const { name, check } of WISHES) {
    const input = byId(`wish-${name}`);
    if (input.closest('.wish').hidden) continue;
    if (check ? input.checked : input.value !== '') found[name] = check ? true : NUMBERS.has(name) ? Number(input.value) : input.value;
  }
  return found;
}

const project = () => byId('wish-project').value.trim() || undefined;

/** A line of the list of images that are sent. */
function line(name, size) {
  const words = el('span', { class: 'dim' }, tr('waits'));
  const bar = el('div', {});
  const close = el('button', { type: 'button', class: 'link', hidden: true, on: { click: () => row.remove() } }, tr('Hide'));
  const row = el('li', { class: 'job' }, el('div', { class: 'job-head' }, el('span', { class: 'name' }, name), size ? el('span', { class: 'dim' }, bytes(size)) : null, words, close), bar);
  byId('uploads').append(row);
  return {
    share: (share) => {
      words.textContent = share < 1 ? tr('{share} sent', { share: percent(share) }) : tr('arrives');
      bar.replaceChildren(meter(share, words.textContent, tr('Sending {name}', { name })));
    },
    done: (text) => {
      words.textContent = text;
      bar.replaceChildren();
      setTimeout(() => row.remove(), KEEP_S * 1000);
    },
    failed: (error) => {
      words.textContent = tr('not sent');
      bar.replaceChildren(el('p', { class: 'bad', role: 'alert' }, wordsOf(error)));
      close.hidden = false;
    },
  };
}

/** Send images: one becomes a mesh at once, several become a batch. Gives what was queued, or null. */
async function sendFiles(files, asked) {
  const lines = files.map((file) => line(file.name, file.size));
  if (files.length === 1) {
    const form = new FormData();
    form.set('parameters', JSON.stringify(asked));
    if (project()) form.set('project', project());
    form.set('image', files[0]);
    const mesh = await attempt(lines[0], () => sendForm('/api/v1/meshes', form, lines[0].share));
    return mesh && { mesh };
  }
  const keys = [];
  for (const [k, file] of files.entries()) { // one after another: the line is the bottleneck
    const form = new FormData();
    form.set('parameters', JSON.stringify(asked));
    if (project()) form.set('project', project());
    form.set('image', file);
    const image = await attempt(lines[k], () => sendForm('/api/v1/mesh-images', form, lines[k].share), tr('sent'));
    if (image) keys.push(image.image_key);
  }
  if (!keys.length) return null;
  const batch = await send('POST', '/api/v1/mesh-batches', { images: keys, parameters: asked, project: project() });
  announce(plural('A batch of {n} image is queued', 'A batch of {n} images is queued', keys.length));
  return { batch };
}

async function attempt(shown, action, said = tr('queued')) {
  try {
    const found = await action();
    shown.done(said);
    announce(said);
    return found;
  } catch (error) {
    shown.failed(error);
    return null;
  }
}

/** Listen to the form. `onQueued` gets { mesh } or { batch }, `onProblem` an error. */
export function listen(onQueued, onProblem) {
  const wanted = async (action) => {
    try {
      const found = await action();
      if (found) onQueued(found);
    } catch (error) {
      onProblem(error);
    }
  };
  const take = (list) => {
    const files = [...list];
    if (files.length && byId('upload').reportValidity()) wanted(() => sendFiles(files, wishes()));
  };
  byId('files').addEventListener('change', () => { take(byId('files').files); byId('files').value = ''; });
  byId('upload').addEventListener('submit', (event) => {
    event.preventDefault();
    const address = byId('address').value.trim();
    if (!address) { byId('address').focus(); return; }
    wanted(async () => {
      const mesh = await send('POST', '/api/v1/meshes', { image_url: address, parameters: wishes(), project: project() });
      byId('address').value = '';
      tell(tr('Queued'));
      return { mesh };
    });
  });
  installDrop({ mayDrop: () => !byId('new').hidden, take, mark: (on) => byId('drop').classList.toggle('over', on) });
}
