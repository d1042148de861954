// The page as a whole: what is loaded when, and who is told.

import { ApiError, get, getIfThere, onSignedOut } from './api.js';
import { colourExpression, dark, ofDevice, ofMap } from './colours.js';
import { refreshDays } from './days.js';
import { drawDetails, openTrack, refreshDetails } from './details.js';
import { drawDevices } from './devices.js';
import { onChanged } from './doing.js';
import { announce, byId, el, fill, roving } from './dom.js';
import { devicesRead, findingChanged, findingHandlers, fitAll, goToDevice, movedByReader, refreshEnds } from './finding.js';
import { follow } from './follow.js';
import { date, duration, span, tickAges, when } from './format.js';
import { boundsOf } from './geometry.js';
import { jobsRunning, jobsMark, jobsSection, refreshJobs } from './jobs.js';
import { LONG, TRACKS } from './layers.js';
import { LONG_DAYS, data, devicePlaces, firstRange, loadDevices, loadFiner, loadLong, loadSome, loadStops, loadSums, loadTracks, setTracks, tolerance } from './loading.js';
import { askForToken, installLogin } from './login.js';
import { firstLines } from './long.js';
import { noticesCount, noticesMark, noticesSection, refreshNotices } from './notices.js';
import { refreshSenders, sendersMark, sendersSection } from './senders.js';
import { named } from './looks.js';
import { createMap, currentView, extentOf, fit, popup, showGround, showLong, showPositions, showStops, showTracks, showVisits } from './map.js';
import { drawPreview, viewOf } from './preview.js';
import { onCorrected, reader } from './purpose.js';
import { drawRange, lengthDays, moments, rangeInWords } from './range.js';
import { isSheet, panelPadding, setSheet, sheetStep, wireSheet } from './sheet.js';
import { change, followAddress, onChange, state } from './state.js';
import { drawChip, statusSection } from './status.js';
import { colourOf, colourWords, drawTracks, resetTracks } from './tracks.js';
import { importDialog, installDrop, onImported } from './upload.js';
import { plural, tr } from './words.js';
import { dayOf, setStated, zoneChoice } from './zones.js';

const MOST_VISITS_SHOWN = 8;
const POLL_MS = 3000;
const SOMEWHERE = [-25, 34, 45, 71]; // while there is nothing to look at
const MOST_WAIT_MS = 30000;
/** A long range is heavy: it is read again this long after the last time, and not sooner. */
const LONG_REST_MS = 30000;
let map = null;
let offline = ''; // why the server does not answer, if so
let loading = null; // the AbortController of what is being loaded
let signedOut = false;

// ---- loading -------------------------------------------------------------------------------

async function refine() {
  try {
    if (await loadFiner(currentView())) showTracks(data.tracks);
  } catch (error) {
    failed(error);
  }
}

let refining = null;

function refineSoon() {
  clearTimeout(refining);
  refining = setTimeout(refine, 250);
}

/** Load what the range and the devices ask for, and draw it. */
async function load({ moved = false } = {}) {
  loading?.abort();
  const mine = (loading = new AbortController());
  const { signal } = mine;
  document.body.classList.add('loading');
  try {
    await loadDevices(signal);
    drawRange();
    await loadLong(signal);
    await Promise.all([loadTracks(signal), loadSums(signal), loadStops(signal)]);
    if (mine !== loading) return;
    data.loaded = true;
    answered();
    drawLines();
    drawBody();
    refineSoon();
    if (moved) fit(data.long?.bounds ?? boundsOf(data.tracks.map((t) => t.geometry)), { always: false });
    announce(plural('{n} track in {range}', '{n} tracks in {range}', data.long?.tracks ?? data.tracks.length, { range: rangeInWords() }));
    devicesRead();
    await Promise.all([refreshDays(signal), refreshEnds(), refreshDetails({ signal, neighbours, move: false })]);
  } catch (error) {
    failed(error);
  } finally {
    if (mine === loading) document.body.classList.remove('loading');
  }
}

function answered() {
  if (offline) announce(tr('The server answers again'));
  offline = '';
  notice('');
}

function failed(error) {
  if (error.name === 'AbortError' || error.status === 401) return;
  if (!(error instanceof ApiError)) throw error;
  if (error.status === 0) {
    offline = error.message;
    drawChip(data.status, offline);
  }
  const again = error.status === 0 || error.status >= 500 ? ` ${tr('It is tried again by itself.')}` : '';
  notice(`${error.message.replace(/[^.!?]$/, '$&.')}${again}`);
}

function notice(text) {
  const box = byId('notice');
  box.hidden = !text;
  if (box.textContent !== text) box.textContent = text;
}

// ---- drawing -------------------------------------------------------------------------------

function drawLines() {
  data.tracks.forEach((track, n) => {
    const p = track.properties;
    p.n = n;
    p.colour = colourOf(p);
    p.track_name = p.name ?? '';
    p.faint = state.track !== null && p.track_id !== state.track;
  });
  for (const stop of data.stops) stop.properties.colour = ofDevice(stop.properties.device_id);
  showTracks(data.long ? [] : data.tracks);
  showLong(data.long && { ...data.long, colour: colourExpression(state.colour), faint: state.track !== null });
  showStops(data.stops);
  showVisits(data.visits);
  drawPositions();
  drawLegend();
}

/** Devices where they were last seen, if that was in the range. */
function drawPositions() {
  const { from, to } = moments();
  const shown = data.devices.filter((d) => {
    if (state.devices && !state.devices.includes(d.device_id)) return false;
    const time = d.last_position && new Date(d.last_position.recorded_at);
    return time && time >= from && (to === null || time < to);
  });
  showPositions(shown.map((d) => ({ device_id: d.device_id, ...d.last_position })));
}

function drawLegend() {
  const heat = ofMap().heat.map((colour, k) => [[tr('passed once'), tr('a few times'), tr('often'), tr('most often')][k], colour]);
  const used = new Map(state.colour === 'often' && data.long ? heat : data.tracks.map((track) => [colourWords(track.properties), colourOf(track.properties)]));
  const box = byId('legend');
  box.hidden = state.colour === 'device' || !used.size;
  if (!box.hidden) fill(box, [...used].map(([words, colour]) => el('span', { class: 'legend-item' }, el('span', { class: 'swatch line', style: { '--colour': colour } }), words)));
}

/** What to do about an empty list of tracks. */
function advice() {
  if (!data.devices.length) return [tr('No points yet. Import files with “trackflow import PATH…”, or let devices send.')];
  if (state.devices?.length === 0) return [tr('No device is chosen: choose some under Devices.')];
  if (data.status?.unprocessed_points) return [tr('Points wait to be worked on: see Work.')];
  const newest = data.devices.map((d) => d.last_time).filter(Boolean).sort().at(-1);
  return [newest ? el('button', { type: 'button', class: 'link', on: { click: () => change({ range: { kind: 'day', day: dayOf(newest) } }) } }, tr('Go to the newest points, of {day}', { day: date(newest) })) : tr('No points yet.')];
}

function drawBody() {
  const body = byId('panel-body');
  for (const tab of document.querySelectorAll('[role=tab]')) {
    const chosen = tab.dataset.tab === state.tab;
    tab.setAttribute('aria-selected', String(chosen));
    tab.tabIndex = chosen ? 0 : -1;
    if (chosen) body.setAttribute('aria-labelledby', tab.id);
  }
  byId('tab-devices').textContent = data.devices.length ? tr('Devices {n}', { n: `${state.devices ? `${state.devices.length}/` : ''}${data.devices.length}` }) : tr('Devices');
  byId('tab-tracks').textContent = data.loaded ? tr('Tracks {n}', { n: `${data.long?.tracks ?? data.tracks.length}${data.truncated && !data.long ? '+' : ''}` }) : tr('Tracks');
  byId('tab-work').textContent = noticesCount() ? tr('Work {n}', { n: `${noticesCount()}!` }) : tr('Work');
  if (state.tab === 'work') {
    // it is drawn every few seconds, so only if it says something else: somebody may be clicking or typing
    const says = JSON.stringify([data.status && workMark(data.status), noticesMark(), sendersMark(), jobsMark(), offline, data.devices.length, data.settings?.scope, state.zone, state.range]);
    if (says === workDrawn && body.querySelector('.work')) return;
    if (body.querySelector('.work') && body.contains(document.activeElement?.closest('input, select'))) return;
    workDrawn = says;
    return fill(body, el('div', { class: 'work' }, statusSection(data.status, offline), noticesSection(), sendersSection(),
      jobsSection({ devices: data.devices, mayStart: data.settings?.scope === 'admin', again: jobsAgain })));
  }
  if (!data.loaded) return fill(body, skeleton());
  if (state.tab === 'devices') return drawDevices(body, { devices: data.devices, sums: data.sums, goTo: goToDevice, fitAll });
  return drawTracks(body, { tracks: data.tracks, truncated: data.truncated, advice: advice() });
}

let workDrawn = '';
const workMark = (status) => ({ ...status, backlog_age_s: Math.round((status.backlog_age_s ?? 0) / 10), worker: status.worker?.running });

const skeleton = () => el('div', { class: 'skeleton', 'aria-label': tr('Loading') }, Array.from({ length: 6 }, () => el('div', {})));

/** The tracks of the same device before and after a track, as far as they are in the list. */
function neighbours(id) {
  const device = openTrack()?.properties.device_id;
  const own = data.tracks.filter((t) => t.properties.device_id === device);
  const at = own.findIndex((t) => t.properties.track_id === id);
  return at < 0 ? {} : { before: own[at + 1]?.properties.track_id, after: own[at - 1]?.properties.track_id };
}

async function jobsAgain() {
  try {
    await refreshJobs();
    await refreshSenders();
  } catch (error) {
    failed(error);
  }
  if (state.tab === 'work') drawBody();
}

// ---- live ----------------------------------------------------------------------------------

/** What of the status says that there is something new to draw. */
const mark = (s) => JSON.stringify([s.unprocessed_points, s.processed_points, s.cached_paths, s.last_update, s.failed_batches, s.pending_batches, s.active_devices]);

let wait = POLL_MS;
let timer = null;
/** When a long range was last read, and whether something has come since. */
let longReadAt = 0;
let longIsStale = false;

async function poll() {
  if (signedOut || document.hidden) return;
  try {
    const { data: status } = await get('/worker/status');
    const fresh = mark(status) !== mark(data.status);
    const back = Boolean(offline) || !byId('notice').hidden;
    data.status = status;
    wait = POLL_MS;
    if (back) answered();
    if (fresh || back || (longIsStale && mayReadLong())) await refresh();
    if (await refreshNotices() && state.tab !== 'work') drawBody();
    if (state.tab === 'work' || jobsRunning()) await refreshJobs();
    if (state.tab === 'work') await refreshSenders();
    if (state.tab === 'work') drawBody();
  } catch (error) {
    wait = Math.min(MOST_WAIT_MS, wait * 2);
    failed(error);
  }
  drawChip(data.status, offline);
}

const mayReadLong = () => lengthDays() <= LONG_DAYS || Date.now() - longReadAt >= LONG_REST_MS;

/** Something is new: lines of today every time, those of a long range now and then. */
async function refresh() {
  longIsStale = !mayReadLong();
  if (longIsStale) {
    if (await loadDevices()) drawPositions();
    devicesRead();
    return;
  }
  longReadAt = Date.now();
  await load();
}

function keepPolling() {
  clearTimeout(timer);
  timer = setTimeout(async () => {
    await poll();
    keepPolling();
  }, wait);
}

// ---- wiring --------------------------------------------------------------------------------

function showStop(properties, at) {
  popup(at, el('div', { class: 'popup' },
    el('p', { class: 'strong' }, el('span', { class: 'swatch', style: { '--colour': ofDevice(properties.device_id) } }), named(properties.device_id)),
    el('p', {}, tr('Stopped for {time}', { time: el('strong', {}, duration(properties.duration_s)) })),
    el('p', { class: 'dim' }, span(properties.start_time, properties.end_time), `, ${date(properties.start_time)}`)));
}

function showVisitsAt(visits, at) {
  const found = visits.slice(0, MOST_VISITS_SHOWN);
  popup(at, el('div', { class: 'popup' },
    el('p', { class: 'strong' }, visits[0].name),
    found.map((visit) => el('p', {}, el('span', { class: 'swatch', style: { '--colour': ofDevice(visit.device_id) } }), ' ',
      tr('{device} for {time}', { device: named(visit.device_id), time: el('strong', {}, duration(visit.duration_s)) }), `, ${date(visit.start_time)}, `, span(visit.start_time, visit.end_time))),
    visits.length > found.length && el('p', { class: 'dim' }, plural('and {n} visit more', 'and {n} visits more', visits.length - found.length))));
}

function showDevice(id) {
  const device = data.devices.find((d) => d.device_id === id);
  if (!device?.last_position) return;
  const { longitude, latitude, recorded_at: seen } = device.last_position;
  popup([longitude, latitude], el('div', { class: 'popup' },
    el('p', { class: 'strong' }, el('span', { class: 'swatch', style: { '--colour': ofDevice(id) } }), named(id)),
    el('p', {}, tr('Last seen here {time}', { time: when(seen) })),
    el('button', { type: 'button', class: 'link', on: { click: () => change({ devices: [id] }) } }, tr('Show only this one')),
    el('button', { type: 'button', class: 'link', on: { click: () => follow(id) } }, tr('Follow it'))));
}

const handlers = {
  track: (id, among) => {
    change({ track: id });
    if (among > 1) announce(plural('{n} track here', '{n} tracks here: click again for the next', among));
  },
  stop: showStop,
  visits: showVisitsAt,
  device: showDevice,
  nothing: () => change({ track: null }),
  ...findingHandlers,
  moved: (view, byReader) => {
    if (byReader) {
      change({ view }, { remember: false }); // nothing else belongs into the address
      movedByReader();
    }
    refineSoon();
  },
};

onChange((changed) => {
  const has = (...names) => names.some((name) => changed.has(name));
  if (has('zone')) byId('zone').value = zoneChoice();
  if (has('colour')) byId('colour').value = state.colour;
  if (has('range', 'devices', 'zone')) {
    if (has('range')) resetTracks();
    if (map) load({ moved: has('range', 'devices') });
    if (map) drawRange();
  } else if (has('colour') && (data.long || state.colour === 'often')) load();
  else if (has('track', 'colour')) drawLines();
  if (has('devices', 'tab', 'track', 'zone', 'colour') && map) drawBody();
  if (has('track')) {
    if (state.track && isSheet() && sheetStep() === 'full') setSheet('half');
    refreshDetails({ neighbours, move: true });
  } else if (has('raw', 'matched', 'colour', 'zone')) drawDetails(neighbours);
  if (has('tab') && state.tab === 'work') jobsAgain();
  if (map) findingChanged(has);
});

function wire() {
  const tabs = document.querySelector('[role=tablist]');
  roving(tabs, '[role=tab]', 'horizontal');
  tabs.addEventListener('click', (event) => {
    const tab = event.target.closest('[role=tab]');
    if (tab) change({ tab: tab.dataset.tab });
  });
  tabs.addEventListener('focusin', (event) => event.target.dataset.tab && change({ tab: event.target.dataset.tab }));
  byId('chip').addEventListener('click', () => {
    change({ tab: 'work' });
    if (isSheet() && sheetStep() === 'low') setSheet('half');
  });
  byId('colour').value = state.colour;
  byId('zone').value = zoneChoice();
  byId('colour').addEventListener('change', (event) => change({ colour: event.target.value }));
  byId('zone').addEventListener('change', (event) => change({ zone: event.target.value }));
  addEventListener('keydown', (event) => {
    if (event.key === 'Escape' && state.track && !byId('login').open) change({ track: null });
  });
  addEventListener('visibilitychange', () => {
    if (!document.hidden) poll();
  });
  dark.addEventListener('change', () => {
    drawLines();
    drawBody();
    drawDetails(neighbours);
  });
  wireSheet(() => {});
}

// ---- signing in ----------------------------------------------------------------------------

installLogin({
  opens: tr('Open the map'),
  begin: async () => {
    signedOut = false;
    await start();
  },
});
onSignedOut.call = (reason) => {
  signedOut = true;
  askForToken(reason);
};

// ---- start ---------------------------------------------------------------------------------

const withExtent = (found) => (found?.data.networks ?? []).filter((n) => n.extent?.every(Number.isFinite));

function ground(found) {
  data.networks = withExtent(found);
  showGround({ extents: data.networks.map((n) => n.extent), version: data.settings?.base_map ?? '', address: data.settings?.tiles_url ?? '' });
}

async function settings() {
  data.settings = (await get('/api/v1/page')).data;
  const { time_zone: stated } = data.settings;
  setStated(stated);
  const choices = byId('zone');
  choices.querySelector('[value=stated]').textContent = stated;
  choices.querySelector('[value=utc]').hidden = stated === 'UTC';
  choices.value = zoneChoice();
  byId('sign-out').hidden = !data.settings.by_cookie;
  reader.mayChange = data.settings.scope === 'admin';
}

/** MapLibre's own script: large, so it runs only when the first picture is there. */
async function mapLibre() {
  try {
    globalThis.maplibregl ??= await import('/static/maplibre-gl/dist/maplibre-gl.mjs');
  } catch {
    throw new ApiError(0, tr('MapLibre could not be loaded.'));
  }
}

/** Where to look first: tracks, or else devices. */
const firstBounds = () => data.long?.bounds ?? boundsOf((data.tracks.length ? data.tracks : devicePlaces()).map((f) => f.geometry));

/** Show some tracks at once; the map comes in their place. */
async function showPreview(tracks, known = null) {
  const box = byId('map');
  const bounds = boundsOf([...tracks, ...devicePlaces()].map((f) => f.geometry));
  const view = known ?? state.view ?? viewOf(bounds, box, panelPadding());
  for (const { properties: p } of tracks) p.colour = colourOf(p);
  const canvas = await drawPreview(box, tracks, view);
  document.body.dataset.firstView = String(Math.round(performance.now()));
  return { canvas, view };
}

async function makeMap(asked, preview) {
  const box = byId('map');
  const view = preview?.view ?? state.view ?? viewOf(firstBounds() ?? extentOf(withExtent((await asked)[1])) ?? SOMEWHERE, box, panelPadding());
  const made = createMap(box, { view, paddingOf: panelPadding, handlers });
  box.map = made; // for those who look into the page from outside
  made.on('render', function there() {
    if (!made.getSource(TRACKS) || !made.isSourceLoaded(TRACKS) || (made.getSource(LONG) && !made.isSourceLoaded(LONG))) return;
    made.off('render', there);
    preview?.canvas.remove();
    if (!state.view && !state.track) fit(firstBounds(), { always: false });
    if (isSheet()) made.once('idle', () => box.querySelector('.maplibregl-ctrl-attrib')?.classList.remove('maplibregl-compact-show'));
    document.body.dataset.mapReady = String(Math.round(performance.now()));
  });
  return made;
}

async function start() {
  try {
    const known = settings();
    const asked = Promise.all([known, getIfThere('/api/v1/networks')]);
    asked.catch(() => {}); // whatever is wrong is told below
    // The status comes first: what changes while the rest is read then shows in the next one.
    const devices = get('/worker/status').then(({ data: status }) => {
      data.status = status;
      return loadDevices();
    });
    await Promise.all([known, devices]); // days are those of the zone that the settings name
    if (!state.range) change({ range: firstRange() }, { remember: false });
    await loadLong();
    const rest = Promise.all([loadSums(), loadStops()]);
    rest.catch(() => {});
    const some = data.long ? await firstLines(data.long) : await loadSome();
    const preview = some.features.length && !map ? await showPreview(some.features, some.view) : null;
    drawRange();
    const library = mapLibre();
    library.catch(() => {});
    const isAll = !data.long && some.next === null && (!preview || some.offByM <= tolerance(preview.view));
    if (isAll) setTracks(some.features, some.offByM);
    else await loadTracks(undefined, preview?.view);
    drawLines();
    await rest;
    data.loaded = true;
    drawBody();
    await library;
    map ??= await makeMap(asked, preview);
    drawLines();
    ground((await asked)[1]);
    findingChanged((...names) => names.includes('here') || names.includes('follow') || names.includes('tab'));
    await Promise.all([poll(), refreshDays(), refreshDetails({ neighbours, move: !state.view })]);
    if (state.tab === 'work') await jobsAgain();
  } catch (error) {
    failed(error);
    if (error.status !== 401) setTimeout(start, (wait = Math.min(MOST_WAIT_MS, wait * 2)));
    return;
  }
  drawChip(data.status, offline);
  keepPolling();
}

onCorrected.call = onChanged.call = onImported.call = () => load();
installDrop({ mayDrop: () => reader.mayChange && !byId('import'), take: importDialog });
setInterval(tickAges, 5000);
followAddress();
wire();
drawBody();
start();
