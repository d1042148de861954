// The page of the meshes: the list, one chosen mesh, batches, and new images.

import { get, send, withQuery } from './api.js';
import { confirmed } from './asking.js';
import { announce, byId, focusOn, tell } from './dom.js';
import { tickAges } from './format.js';
import { installLogin } from './login.js';
import { drawMesh, hideMesh } from './mesh-details.js';
import { drawBatches, drawList, inWork, stateWords } from './mesh-list.js';
import { drawWishes, listen } from './mesh-upload.js';
import { beginPage, isTriedAgain, tellProblem } from './problems.js';
import { readSettings } from './settings.js';
import { tr } from './words.js';

const POLL_MS = 5000;
const POLL_AT_WORK_MS = 1000;
const PAGE = 60;

let mayMake = false;
let rows = [];
let next = null;
let pages = 1;
let batches = [];
let batch = null; // whose meshes are shown
let chosen = idInAddress();
let mesh = null;
let problem = null; // why the last action failed
let unread = null; // why the page could not be read anew
let timer = 0;

function idInAddress() {
  const found = /^\/meshes\/([^/]+)$/.exec(location.pathname);
  return found ? decodeURIComponent(found[1]) : null;
}

// ---- loading -------------------------------------------------------------------------------

async function refresh() {
  clearTimeout(timer);
  try {
    await Promise.all([loadList(), loadBatches(), loadMesh()]);
    unread = null;
  } catch (error) {
    unread = error;
  }
  draw();
  const isAtWork = rows.some(inWork) || batches.some(isLive) || (mesh && inWork(mesh));
  timer = setTimeout(refresh, isAtWork ? POLL_AT_WORK_MS : POLL_MS);
}

const isLive = (job) => ['queued', 'running'].includes(job.status);

async function loadList() {
  const status = { work: ['queued', 'running'], '': [] }[byId('status').value] ?? [byId('status').value];
  const query = { status, project: byId('project').value.trim(), batch, limit: Math.min(PAGE * pages, 1000) };
  const { data } = await get(withQuery('/api/v1/meshes', query));
  rows = data.meshes;
  next = data.next;
}

async function loadBatches() {
  batches = (await get('/api/v1/mesh-batches?limit=5')).data.batches;
}

async function loadMesh() {
  const wanted = chosen;
  if (wanted === null) return;
  try {
    const { data } = await get(`/api/v1/meshes/${encodeURIComponent(wanted)}`);
    if (wanted !== chosen) return;
    if (mesh?.mesh_id === data.mesh_id && inWork(mesh) && !inWork(data)) announce(`${data.image_name}: ${stateWords(data)}`);
    mesh = data;
  } catch (error) {
    if (error.status !== 404 || wanted !== chosen) throw error;
    problem = error;
    open(null);
  }
}

// ---- doing ---------------------------------------------------------------------------------

/** Choose a mesh, or none. `step`: whether the browser's Back undoes it. */
function open(meshId, step = true) {
  const before = chosen;
  chosen = meshId;
  if (mesh?.mesh_id !== meshId) mesh = null;
  if (step) history.pushState(null, '', meshId === null ? '/meshes' : `/meshes/${encodeURIComponent(meshId)}`);
  if (meshId === null) {
    const isInside = byId('mesh').contains(document.activeElement) || document.activeElement === document.body;
    draw();
    if (isInside && before !== null && !focusOn(`mesh-${before}`)) byId('list').focus({ preventScroll: true });
    return Promise.resolve();
  }
  return refresh().then(() => { byId('mesh').scrollIntoView({ block: 'start' }); byId('mesh').focus({ preventScroll: true }); });
}

async function act(method, address, said) {
  problem = null;
  try {
    await send(method, address);
    tell(said);
  } catch (error) {
    problem = error;
  }
  await refresh();
}

const of = ({ mesh_id: id }) => `/api/v1/meshes/${encodeURIComponent(id)}`;

const ACTIONS = {
  retry: (one) => act('POST', `${of(one)}/retry`, tr('It is tried again')),
  cancel: (one) => act('POST', `${of(one)}/cancel`, tr('Asked to stop')),
  close: () => open(null),
  remove: async (one) => {
    if (!(await confirmed(tr('Delete this mesh?'), tr('The mesh of {name} and its files go.', { name: one.image_name }), tr('Delete')))) return;
    problem = null;
    try {
      await send('DELETE', of(one));
      tell(tr('Deleted'));
      await open(null);
    } catch (error) {
      problem = error;
    }
    await refresh();
  },
};

const BATCH_ACTIONS = {
  onShow: (id) => { batch = batch === id ? null : id; pages = 1; refresh(); },
  onCancel: (job) => act('POST', `/api/v1/jobs/${encodeURIComponent(job.batch_id)}/cancel`, tr('Asked to stop')),
  onResume: (job) => act('POST', `/api/v1/jobs/${encodeURIComponent(job.batch_id)}/resume`, tr('It goes on')),
};

// ---- drawing -------------------------------------------------------------------------------

function draw() {
  tellProblem(problem ?? unread, { isTriedAgain: !problem && isTriedAgain(unread) });
  byId('new').hidden = !mayMake;
  if (mesh && chosen === mesh.mesh_id) drawMesh(mesh, rows, mayMake, ACTIONS);
  else hideMesh();
  drawBatches(batches, mayMake, { ...BATCH_ACTIONS, shown: batch });
  const filtered = Boolean(byId('status').value || byId('project').value.trim() || batch);
  drawList({ rows, next, chosen, mayMake, filtered }, open, () => { pages += 1; refresh(); });
  tickAges();
}

// ---- signing in, start ---------------------------------------------------------------------

installLogin({ admin: tr('Making meshes takes one for admin.'), opens: tr('Open the meshes'), begin: () => beginPage(begin) });

async function begin() {
  mayMake = (await readSettings()).mayChange;
  await refresh();
  document.body.dataset.ready = 'yes';
}

let typing = 0;
const soon = () => {
  clearTimeout(typing);
  typing = setTimeout(() => { pages = 1; refresh(); }, 250);
};
drawWishes();
addEventListener('online', refresh);
listen(({ mesh: made }) => (made ? open(made.mesh_id) : refresh()), (error) => { problem = error; draw(); });
byId('filter').addEventListener('submit', (event) => { event.preventDefault(); refresh(); });
byId('status').addEventListener('change', soon);
byId('project').addEventListener('input', soon);
addEventListener('popstate', () => open(idInAddress(), false));
beginPage(begin);
