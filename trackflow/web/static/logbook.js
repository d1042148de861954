// The page of the logbook: what needs a purpose, the book of a month, and the rules.

import { get, withQuery } from './api.js';
import { announce, byId, el, fill } from './dom.js';
import { drawRules } from './logbook-rules.js';
import { book, files, purposes } from './logbook-trips.js';
import { installLogin } from './login.js';

const POLL_MS = 30000;

let mayChange = false;
let timer = 0;

function problem(error) {
  const box = byId('problem');
  const text = error?.status === 401 ? '' : error?.message ?? '';
  box.hidden = !text;
  box.textContent = text;
}

async function refresh() {
  clearTimeout(timer);
  try {
    await Promise.all([isWriting() || drawPurposes(), drawBook()]);
    problem(null);
  } catch (error) {
    problem(error);
  }
  timer = setTimeout(refresh, POLL_MS);
}

/** Whether somebody has begun to write what a trip was for: drawn anew, the inputs would be empty. */
function isWriting() {
  return document.querySelector('.trip.touched') || document.activeElement?.closest('.trip');
}

async function drawPurposes() {
  const { data } = await get('/api/v1/logbook?needs_purpose=true');
  const saved = async (trip) => {
    announce('Saved');
    trip.remove();
    await refresh();
  };
  fill(byId('purposes'), purposes(data.entries, { mayChange, saved, failed: problem }));
}

async function drawBook() {
  const vehicle = byId('vehicle').value;
  const month = byId('month').value;
  if (!vehicle || !/^\d{4}-\d{2}$/.test(month)) {
    fill(byId('book'), el('p', { class: 'dim' }, 'There is no vehicle yet: “trackflow vehicles add ID --plate PLATE”.'));
    return;
  }
  const [{ data: found }, { data: checks }] = await Promise.all([
    get(withQuery('/api/v1/logbook', { vehicle, month })),
    get(withQuery('/api/v1/logbook/verify', { vehicle })),
  ]);
  fill(byId('book'), book(found.entries, checks.books[0]), found.entries.length > 0 && files(vehicle, month));
}

async function begin() {
  try {
    const { data: told } = await get('/api/v1/page');
    mayChange = told.scope === 'admin';
    byId('sign-out').hidden = !told.by_cookie;
    const { data: fleet } = await get('/api/v1/vehicles');
    fill(byId('vehicle'), fleet.vehicles.map((one) => el('option', { value: one.vehicle_id }, one.plate ? `${one.plate} (${one.vehicle_id})` : one.vehicle_id)));
    if (!byId('month').value) byId('month').value = new Date().toISOString().slice(0, 7);
    await drawRules(byId('rules'), { mayChange, saved: refresh, failed: problem });
  } catch (error) {
    if (error.status === 401) return;
    problem(error);
  }
  await refresh();
  document.body.dataset.ready = 'yes';
}

installLogin({ admin: 'changing something', opens: 'Open the logbook', begin });
byId('purposes').addEventListener('input', (event) => event.target.closest('.trip').classList.add('touched'));
byId('choice').addEventListener('submit', (event) => { event.preventDefault(); refresh(); });
byId('choice').addEventListener('change', () => refresh());
begin();
