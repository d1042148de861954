// The page of the logbook: what needs a purpose, the book of a month, places, rules, and what other thresholds do.

import { get, withQuery } from './api.js';
import { byId, el, fill, focusOn, isWriting, onDate, setDate, tell } from './dom.js';
import { count } from './format.js';
import { leftOut } from './logbook-left-out.js';
import { installPlaces } from './logbook-places.js';
import { installRates } from './logbook-rates.js';
import { drawRules } from './logbook-rules.js';
import { book, files, purposes } from './logbook-trips.js';
import { installVehicles, vehicleName } from './logbook-vehicles.js';
import { installWhatIf } from './logbook-what-if.js';
import { installLogin } from './login.js';
import { isDay } from './periods.js';
import { beginPage, tellProblem } from './problems.js';
import { readSettings } from './settings.js';
import { tr } from './words.js';
import { dayOf } from './zones.js';

const POLL_MS = 30000;
const PAGE = 50; // trips that need a purpose: a history of years may have thousands

let mayChange = false;
let timer = 0;
let drawnPurposes = ''; // the versions of all books that the list was drawn from
let most = PAGE;
let drawnBook = ''; // vehicle, month and version of the book that is drawn

/** Draw what has changed: the versions of books are small, the books are not. */
async function refresh() {
  clearTimeout(timer);
  try {
    const { data } = await get('/api/v1/logbook/versions');
    const versions = new Map(data.books.map((one) => [one.vehicle_id, one.version]));
    // by the hour as well: trips say when they close
    await Promise.all([drawPurposes([...versions, new Date().getHours()].join()), drawBook(versions)]);
    tellProblem(null);
  } catch (error) {
    tellProblem(error, { isTriedAgain: true });
  }
  timer = setTimeout(refresh, POLL_MS);
}

/** Whether a part stays as it is: somebody writes in it, or has opened what they may write in. */
const isKept = (box) => isWriting(box) || box.querySelector('.below form, form :focus');

async function drawPurposes(version) {
  if (version === drawnPurposes || isKept(byId('purposes'))) return;
  const { data } = await get(withQuery('/api/v1/logbook', { needs_purpose: true, limit: most }));
  if (isKept(byId('purposes'))) return; // begun meanwhile
  const saved = async (trip) => {
    tell(tr('Saved'));
    const next = trip.nextElementSibling ?? trip.previousElementSibling;
    trip.remove();
    await refresh();
    (byId('purposes').querySelector(`[data-entry="${next?.dataset.entry}"] select`) ?? byId('purposes')).focus();
  };
  const changed = async () => {
    for (const one of byId('purposes').querySelectorAll('.touched')) one.classList.remove('touched');
    document.activeElement?.blur();
    drawnPurposes = '';
    await refresh();
  };
  const more = () => {
    most += PAGE;
    drawnPurposes = '';
    refresh();
  };
  fill(byId('purposes'), purposes(data.entries, { mayChange, isEmpty: !byId('vehicle').value, saved, changed, failed: tellProblem }),
    data.total > data.entries.length && el('button', { type: 'button', class: 'plain more', 'data-key': 'more', on: { click: more } }, tr('Show more of {n}', { n: count(data.total) })));
  drawnPurposes = version;
}

async function drawBook(versions) {
  const vehicle = byId('vehicle').value;
  const month = byId('month').value;
  // the hour: days that wait, and whether the book is intact, are not in its version
  const chosen = [vehicle, month, versions.get(vehicle), new Date().getHours()].join('\n');
  if (chosen === drawnBook) return;
  const isSame = drawnBook.startsWith(`${vehicle}\n${month}\n`);
  if (isSame && isKept(byId('book'))) return;
  if (!vehicle || !/^\d{4}-\d{2}$/.test(month)) {
    fill(byId('book'), el('p', { class: 'dim' }, mayChange ? tr('There is no vehicle yet: add one below, and say which device is in it.') : tr('There is no vehicle yet.')));
    return;
  }
  const [{ data: found }, { data: checks }, { data: others }] = await Promise.all([
    get(withQuery('/api/v1/logbook', { vehicle, month })),
    get(withQuery('/api/v1/logbook/verify', { vehicle })),
    get(withQuery('/api/v1/logbook/left-out', { vehicle, month })),
  ]);
  if (isSame && isKept(byId('book'))) return; // begun meanwhile
  const saved = async (below, words) => {
    tell(words);
    below.remove();
    await refresh();
    focusOn(below.dataset.of);
  };
  const changed = async (below) => {
    below.remove();
    drawnBook = '';
    await refresh();
    focusOn(below.dataset.of);
  };
  fill(byId('book'), book(found.entries, checks.books[0], { mayChange, saved, changed, failed: tellProblem }), leftOut(others, isSame), found.entries.length + others.tracks.length > 0 && files(vehicle, month));
  drawnBook = chosen;
}

/** The choice of a book: the one that is shown, or else the one in the address, stays. */
function drawChoice(vehicles) {
  const wanted = byId('vehicle').value || new URLSearchParams(location.search).get('vehicle');
  byId('choice').hidden = !vehicles.length;
  fill(byId('vehicle'), vehicles.map((one) => el('option', { value: one.vehicle_id, selected: one.vehicle_id === wanted }, vehicleName(one))));
  drawnPurposes = drawnBook = '';
  if (document.body.dataset.ready) refresh();
}

async function begin() {
  ({ mayChange } = await readSettings());
  const asked = new URLSearchParams(location.search);
  await installVehicles(byId('vehicles'), { mayChange, changed: drawChoice, failed: tellProblem });
  const month = asked.get('month');
  setDate(byId('month'), isDay(`${month}-01`) ? month : dayOf(Date.now()).slice(0, 7));
  drawnPurposes = drawnBook = '';
  await Promise.all([
    drawRules(byId('rules'), { mayChange, saved: refresh, failed: tellProblem }),
    installRates(byId('rates'), { mayChange, saved: refresh }),
    installPlaces(byId('places'), { mayChange, failed: tellProblem }),
    installWhatIf(byId('what-if'), { failed: tellProblem }),
  ]);
  await refresh();
  document.body.dataset.ready = 'yes';
}

installLogin({ admin: tr('Changing something takes one for admin.'), opens: tr('Open the logbook'), begin: () => beginPage(begin) });
byId('purposes').addEventListener('input', (event) => event.target.closest('.trip').classList.add('touched'));
byId('choice').addEventListener('submit', (event) => { event.preventDefault(); refresh(); });
/** What is chosen is in the address, so that it can be shared and loaded anew. */
function choose() {
  history.replaceState(null, '', withQuery(location.pathname, { vehicle: byId('vehicle').value, month: byId('month').value }));
  refresh();
}

addEventListener('online', refresh);
byId('vehicle').addEventListener('change', choose);
onDate(byId('month'), choose);
beginPage(begin);
