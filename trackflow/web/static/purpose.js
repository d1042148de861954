// How a track was travelled and what it was for: shown, and corrected by click.

import { ALL_MODES, categoryName, modeClassName, modeName } from './codes.js';
import { ofMode } from './colours.js';
import { get, send, withQuery } from './api.js';
import { el, fill, isWriting, tell, touch } from './dom.js';
import { distance, percent, span, speed } from './format.js';
import { categorySelect, said, textInput } from './outcome.js';
import { wordsOf } from './problems.js';
import { tr } from './words.js';

/** Called after a correction, so that lists and lines follow. */
export const onCorrected = { call: () => {} };
/** Whether the reader may change something; known once the page is. */
export const reader = { mayChange: false };

let shown = 0; // the number of the newest drawing: an older answer must not replace it
let newest = null; // the track as it was drawn last

/** Draw the legs and the purpose of a track into a box. */
export async function drawPurpose(box, track) {
  const mine = ++shown;
  newest = track;
  const query = { device: track.device_id, from: track.start_time, to: track.end_time };
  let legs = [];
  let decided = null;
  try {
    const [found, said] = await Promise.all([
      get(withQuery('/api/v1/legs', query)),
      reader.mayChange && get(withQuery('/api/v1/categories/decisions', query)),
    ]);
    legs = found.data.legs;
    if (said) decided = newestOf(said.data.decisions, middleOf(track));
  } catch (error) {
    if (error.name === 'AbortError' || error.status === 401) return;
    fill(box, el('p', { class: 'hint' }, wordsOf(error)));
    return;
  }
  if (mine !== shown || !box.isConnected || isWriting(box)) return;
  fill(box,
    el('h3', {}, tr('How and what for')),
    legs.length ? el('ul', { class: 'legs' }, legs.map((leg) => legRow(box, track, leg))) : el('p', { class: 'hint' }, tr('It is not categorised yet.')),
    purposeForm(box, track, decided));
}

const middleOf = ({ start_time: start, end_time: end }) => (Date.parse(start) + Date.parse(end)) / 2;

/** What a person decided last of a moment: what counts there. */
const newestOf = (decided, moment) => decided
  .filter((one) => Date.parse(one.start_time) <= moment && moment < Date.parse(one.end_time))
  .sort((one, other) => one.decided_at.localeCompare(other.decided_at)).at(-1);

function legRow(box, track, leg) {
  const sure = leg.decided_by === 'person' ? tr('by hand') : percent(leg.probability);
  const choose = async (event) => {
    const mode = event.target.value;
    await act(box, track, () => send('POST', '/api/v1/legs/corrections', { device_id: leg.device_id, start_time: leg.start_time, end_time: leg.end_time, mode }), tr('Now {mode}', { mode: modeName(mode) }));
  };
  const undo = async () => {
    const { corrections } = (await get(withQuery('/api/v1/legs/corrections', { device: leg.device_id }))).data;
    const counts = newestOf(corrections, middleOf(leg));
    if (counts) await send('POST', `/api/v1/legs/corrections/${counts.correction_id}/undo`);
  };
  const words = evidenceWords(leg);
  return el('li', { class: 'leg', title: words },
    el('span', { class: 'swatch line', style: { '--colour': ofMode(leg.mode) } }),
    reader.mayChange
      ? el('select', { 'aria-label': tr('Travel mode'), 'data-key': `leg-${leg.start_time}`, on: { change: choose } }, ALL_MODES.map((mode) => el('option', { value: mode, selected: mode === leg.mode }, modeName(mode))))
      : el('span', { class: 'strong' }, modeName(leg.mode)),
    el('span', { class: 'grow dim' }, span(leg.start_time, leg.end_time)),
    el('span', { class: 'dim' }, `${distance(leg.distance_m)}, ${sure}`),
    reader.mayChange && leg.decided_by === 'person' && undoButton('undo-leg', tr('Undo the travel mode'), () => act(box, track, undo, tr('Undone'))));
}

const undoButton = (key, label, click) => el('button', { type: 'button', class: 'link', 'data-key': key, 'aria-label': label, on: { click } }, tr('Undo'));

/** Why a leg has its mode, in words. */
function evidenceWords({ evidence }) {
  const parts = [];
  if (evidence.moving_kmh !== undefined) parts.push(tr('{speed} while moving, up to {fastest}', { speed: speed(evidence.moving_kmh), fastest: speed(evidence.fastest_kmh) }));
  if (evidence.rail_share) parts.push(tr('{share} near rails', { share: percent(evidence.rail_share) }));
  if (evidence.road_share) parts.push(tr('{share} near roads', { share: percent(evidence.road_share) }));
  if (evidence.runner_up) parts.push(tr('next: {mode}, {share}', { mode: modeClassName(evidence.runner_up), share: percent(evidence.runner_up_probability) }));
  return parts.join('; ');
}

function purposeForm(box, track, decided) {
  if (!reader.mayChange) {
    return el('p', { class: 'dim' }, [categoryName(track.category) ?? tr('No category'), track.purpose].filter(Boolean).join(': '));
  }
  const category = categorySelect(track.category, 'track-category');
  const purpose = textInput('purpose', track.purpose, 'track-purpose');
  const partner = textInput('partner', decided?.partner, 'track-partner');
  const save = async (event) => {
    event.preventDefault();
    event.submitter?.focus(); // from the input: what is drawn anew spares one that is written in
    const seen = { category: track.category ?? null, purpose: track.purpose ?? null, ...(decided?.partner && { partner: decided.partner }) };
    const wanted = { track_id: track.track_id, category: said(category), purpose: said(purpose), partner: said(partner), made_from: seen };
    await act(box, track, () => send('POST', '/api/v1/categories/decisions', wanted), tr('Saved'));
  };
  return el('form', { class: 'purpose', on: { submit: save, input: touch } }, category, purpose, partner, el('button', { type: 'submit', class: 'plain', 'data-key': 'save-purpose' }, tr('Save')),
    decided && undoButton('undo-purpose', tr('Undo what it was for'), () => act(box, track, () => send('POST', `/api/v1/categories/decisions/${decided.decision_id}/undo`), tr('Undone'))));
}

async function act(box, track, work, words) {
  let wrong = null;
  try {
    await work();
    tell(words);
  } catch (error) {
    wrong = error.status === 409 ? [tr('Others have changed this trip meanwhile. It is shown as it is now: change it again.')] : wordsOf(error);
    if (error.status !== 409) {
      box.append(el('p', { class: 'bad', role: 'alert' }, wrong));
      return;
    }
  }
  box.querySelector('.touched')?.classList.remove('touched');
  await onCorrected.call();
  // the track may be another by now, or say what was saved: only what is drawn of it is known to be old
  if (box.isConnected && newest.track_id === track.track_id) await drawPurpose(box, newest);
  if (wrong) box.append(el('p', { class: 'bad', role: 'alert' }, wrong));
}
