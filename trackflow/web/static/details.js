// Everything about one track: figures, quality, why it begins and ends where it does.

import { get } from './api.js';
import { modeName } from './codes.js';
import { drawDoing } from './doing.js';
import { announce, byId, el, fill, focusOn, isWriting } from './dom.js';
import { count, distance, duration, longDate, percent, span, speed, utc, when, exactClock } from './format.js';
import { drawGraph } from './graph.js';
import { showSpot } from './overlay.js';
import { endsOf } from './ends.js';
import { boundsOf } from './geometry.js';
import { named } from './looks.js';
import { fit, showRaw, showSelected } from './map.js';
import { wordsOf } from './problems.js';
import { drawPurpose, reader } from './purpose.js';
import { change, state } from './state.js';
import { colourOf, inWords } from './tracks.js';
import { LANGUAGE, tr } from './words.js';

const WHY = {
  gap: [tr('Starts after a time without points'), tr('Ends before a time without points'), tr('no point came for a while')],
  speed: [tr('Starts after a step that nothing could have driven'), tr('Ends before a step that nothing could have driven'), tr('nothing could move to the next point that fast')],
  hidden: [tr('Starts after hidden points'), tr('Ends before hidden points'), tr('a person has hidden the points that follow')],
  mixed: [tr('Starts after points that two senders mixed'), tr('Ends before points that two senders mixed'), tr('the points belong to two senders, or to a clock that jumps')],
  stop: [tr('Starts after a stop'), tr('Ends before a stop'), tr('the device stayed where it was')],
  midnight: [tr('Starts at midnight'), tr('Ends at midnight'), tr('it goes on in the next day')],
};

let feature = null;
let cameFrom = null;
let drawn = null; // the id of the track that was drawn last
let isBehind = false; // an answer came while somebody was writing, and is not drawn yet

export const openTrack = () => feature;

/** Load the chosen track and show it; close if none is chosen. */
export async function refreshDetails({ signal, neighbours, move }) {
  const box = byId('details');
  if (!state.track) return close(box);
  const opening = box.hidden || feature?.properties.track_id !== state.track;
  if (opening && box.hidden) {
    cameFrom = document.activeElement;
    fill(box, head(tr('Track'), null), el('p', { class: 'hint' }, tr('Loading…')));
    box.hidden = false;
    document.body.classList.add('has-details');
  }
  if (!opening && isWriting(box)) return;
  try {
    const { data, changed } = await get(`/api/v1/tracks/${encodeURIComponent(state.track)}`, { signal });
    isBehind = !opening && (changed || isBehind);
    if (!opening && (!isBehind || isWriting(box))) return;
    isBehind = false;
    feature = data;
  } catch (error) {
    if (error.name === 'AbortError') return;
    feature = null;
    const gone = error.status === 404 || error.status === 422 || error.status === 400;
    showSelected(null);
    showRaw(null);
    fill(box, head(tr('Track'), null), el('p', { class: 'hint' }, gone ? tr('This track is no longer there: its points belong to other tracks now. Choose one on the map or in the list.') : wordsOf(error)));
    return;
  }
  drawDetails(neighbours);
  if (opening) {
    announce(inWords(feature.properties));
    if (move) fit(boundsOf([feature.geometry, feature.raw]), { always: false });
  }
}

function close(box) {
  if (box.hidden) return;
  feature = null;
  box.hidden = true;
  document.body.classList.remove('has-details');
  showSelected(null);
  showRaw(null);
  showSpot(null);
  if (box.contains(document.activeElement) || document.activeElement === document.body) {
    const again = cameFrom?.dataset?.key && document.querySelector(`[data-key="${CSS.escape(cameFrom.dataset.key)}"]`);
    (again || (cameFrom?.isConnected ? cameFrom : null))?.focus();
  }
  cameFrom = null;
}

function head(title, colour) {
  return el('header', { class: 'details-head' },
    colour && el('span', { class: 'swatch', style: { '--colour': colour } }),
    el('h2', {}, title),
    el('button', { type: 'button', class: 'icon close', 'aria-label': tr('Close the details'), title: tr('Close (Escape)'), 'data-key': 'close', on: { click: () => change({ track: null }) } }, '×'));
}

/** Draw the panel and the lines of the track that is open. */
export function drawDetails(neighbours) {
  if (!feature) return;
  const p = feature.properties;
  const colour = colourOf(p);
  showSelected(state.matched ? feature.geometry : null, colour);
  showRaw(state.raw ? feature.raw : null);
  const { before, after } = neighbours(p.track_id);
  // what is asked for stands until its answer is there, and whoever is in it stays there
  const purpose = (drawn === p.track_id && byId('purpose')) || el('div', { id: 'purpose' });
  drawn = p.track_id;
  const focused = byId('details').contains(document.activeElement) ? document.activeElement.dataset.key : undefined;
  const figures = [
    [tr('Distance'), distance(p.distance_m)],
    [tr('Duration'), duration(p.duration_s)],
    [tr('Average'), speed(p.average_speed_kmh)],
    [tr('Fastest'), speed(p.max_speed_kmh)],
    [tr('Points'), count(p.point_count)],
    [tr('Mode'), modeName(p.travel_mode) ?? '–'],
  ];
  fill(
    byId('details'),
    head(p.name ?? named(p.device_id), colour),
    p.name && el('p', { class: 'dim' }, named(p.device_id)),
    el('p', { class: 'dim from-to', data: { ends: p.track_id } }, endsOf(p.track_id)),
    el('p', { class: 'times', title: `${utc(p.start_time)} – ${utc(p.end_time)}` }, el('strong', {}, span(p.start_time, p.end_time)), el('span', { class: 'dim' }, longDate(p.start_time))),
    el('dl', { class: 'figures' }, figures.map(([name, value]) => el('div', {}, el('dt', {}, name), el('dd', {}, value)))),
    quality(p),
    el('div', { id: 'graph', class: 'graph-box' }),
    purpose,
    el('div', { id: 'doing', class: 'doing' }),
    el('h3', {}, tr('Why does it start and end here?')),
    el('ol', { class: 'why' }, reason(p.began, 0, feature.explanation?.began), reason(p.ended, 1, feature.explanation?.ended)),
    el('h3', {}, tr('Lines')),
    el('div', { class: 'checks' },
      check('matched', tr('On roads'), colour),
      check('raw', tr('As reported'), null)),
    el('div', { class: 'actions' },
      step(tr('‹ Earlier'), before, 'earlier'),
      el('button', { type: 'button', 'data-key': 'zoom', on: { click: () => fit(boundsOf([feature.geometry, feature.raw])) } }, tr('Zoom to it')),
      step(tr('Later ›'), after, 'later')),
  );
  drawGraph(byId('graph'), p.track_id);
  drawDoing(byId('doing'), p, reader.mayChange);
  focusOn(focused, byId('details'));
  drawPurpose(purpose, p);
}

function step(words, to, key) {
  return el('button', { type: 'button', disabled: !to, 'data-key': key, title: tr('Track of the same device'), on: { click: () => change({ track: to }) } }, words);
}

function reason(kind, end, text) {
  const [start, stop, because] = WHY[kind] ?? [`${kind} →`, `→ ${kind}`, ''];
  return el('li', {}, el('p', { class: 'strong' }, end ? stop : start),
    because && (!text || LANGUAGE !== 'en') && el('p', {}, `${because}.`),
    text && el('p', { class: LANGUAGE === 'en' ? '' : 'sub wrap', lang: 'en' }, withTimes(text)));
}

/** A text whose UTC times become times as shown elsewhere. */
function withTimes(text) {
  return text.split(/(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?Z)/).map((part, k) => (k % 2 ? when(part, exactClock) : part));
}

function quality(p) {
  const share = p.matched_share ?? 0;
  const words =
    share >= 0.98 ? tr('Follows roads all the way')
    : share >= 0.8 ? tr('Follows roads nearly all the way')
    : share > 0 ? tr('Follows roads in part; the rest is as reported')
    : tr('Follows no road: the line is as reported');
  return el('div', { class: 'quality' },
    el('div', { class: 'quality-words' }, el('span', {}, words), el('span', { class: 'dim' }, percent(share))),
    el('div', { class: 'meter', role: 'meter', 'aria-label': tr('Share on roads'), 'aria-valuenow': Math.round(share * 100), 'aria-valuemin': 0, 'aria-valuemax': 100 },
      el('span', { style: { width: `${Math.round(share * 100)}%` } })),
    el('p', { class: 'sub', title: tr('The sum of the steps between its points: longer by their noise, shorter by the bends between them') }, tr('{distance} from point to point', { distance: distance(p.raw_distance_m) })),
    p.unobserved_m > 0 && el('p', { class: 'sub', title: tr('Between fixes more than two minutes apart nobody knows the way; it is at least this long') }, p.unobserved_m > p.distance_m / 2 ? tr('{distance} of it unobserved: a sparse track', { distance: distance(p.unobserved_m) }) : tr('{distance} of it unobserved', { distance: distance(p.unobserved_m) })),
    p.confidence !== null && p.confidence !== undefined && el('p', { class: 'sub', title: tr('How sure the engine is; it is not the same as being right') }, tr('Engine’s confidence {share}', { share: percent(p.confidence) })));
}

function check(name, words, colour) {
  return el('label', { class: 'check' },
    el('input', { type: 'checkbox', checked: state[name], 'data-key': `line-${name}`, on: { change: (event) => change({ [name]: event.target.checked }) } }),
    el('span', { class: name === 'raw' ? 'sample raw' : 'sample', style: { '--colour': colour } }),
    words);
}
