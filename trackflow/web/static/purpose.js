// How a track was travelled and what it was for: shown, and corrected by click.

import { ofMode } from './colours.js';
import { get, send, withQuery } from './api.js';
import { announce, el, fill } from './dom.js';
import { distance, percent, span, speed } from './format.js';
import { categorySelect, said, textInput } from './outcome.js';

const MODES = ['still', 'walking', 'running', 'cycling', 'driving', 'bus', 'tram', 'train', 'subway', 'boat', 'flying'];

/** Called after a correction, so that lists and lines follow. */
export const onCorrected = { call: () => {} };
/** Whether the reader may change something; known once the page is. */
export const reader = { mayChange: false };

let shown = 0; // the number of the newest drawing: an older answer must not replace it

/** Draw the legs and the purpose of a track into a box. */
export async function drawPurpose(box, track) {
  const mine = ++shown;
  let legs = [];
  try {
    const query = { device: track.device_id, from: track.start_time, to: track.end_time };
    legs = (await get(withQuery('/api/v1/legs', query))).data.legs;
  } catch (error) {
    if (error.name === 'AbortError' || error.status === 401) return;
    fill(box, el('p', { class: 'hint' }, error.message));
    return;
  }
  if (mine !== shown || !box.isConnected) return;
  fill(box,
    el('h3', {}, 'How and what for'),
    legs.length ? el('ul', { class: 'legs' }, legs.map((leg) => legRow(box, track, leg))) : el('p', { class: 'hint' }, 'It is not categorised yet.'),
    purposeForm(box, track));
}

function legRow(box, track, leg) {
  const sure = leg.decided_by === 'person' ? 'by hand' : percent(leg.probability);
  const choose = async (event) => {
    const mode = event.target.value;
    await act(box, track, () => send('POST', '/api/v1/legs/corrections', { device_id: leg.device_id, start_time: leg.start_time, end_time: leg.end_time, mode }), `Now ${mode}`);
  };
  const words = evidenceWords(leg);
  return el('li', { class: 'leg', title: words },
    el('span', { class: 'swatch line', style: { '--colour': ofMode(leg.mode) } }),
    reader.mayChange
      ? el('select', { 'aria-label': 'Travel mode', 'data-key': `leg-${leg.start_time}`, on: { change: choose } }, MODES.map((mode) => el('option', { value: mode, selected: mode === leg.mode }, mode)))
      : el('span', { class: 'strong' }, leg.mode),
    el('span', { class: 'grow dim' }, span(leg.start_time, leg.end_time)),
    el('span', { class: 'dim' }, `${distance(leg.distance_m)}, ${sure}`));
}

/** Why a leg has its mode, in words. */
function evidenceWords({ evidence }) {
  const parts = [];
  if (evidence.moving_kmh !== undefined) parts.push(`${speed(evidence.moving_kmh)} while moving, up to ${speed(evidence.fastest_kmh)}`);
  if (evidence.rail_share) parts.push(`${percent(evidence.rail_share)} near rails`);
  if (evidence.road_share) parts.push(`${percent(evidence.road_share)} near roads`);
  if (evidence.runner_up) parts.push(`next: ${evidence.runner_up}, ${percent(evidence.runner_up_probability)}`);
  return parts.join('; ');
}

function purposeForm(box, track) {
  if (!reader.mayChange) {
    return el('p', { class: 'dim' }, [track.category ?? 'No category', track.purpose].filter(Boolean).join(': '));
  }
  const category = categorySelect(track.category, 'track-category');
  const purpose = textInput('purpose', track.purpose, 'track-purpose');
  const save = async (event) => {
    event.preventDefault();
    const wanted = { track_id: track.track_id, category: said(category), purpose: said(purpose) };
    await act(box, track, () => send('POST', '/api/v1/categories/decisions', wanted), 'Saved');
  };
  return el('form', { class: 'purpose', on: { submit: save } }, category, purpose, el('button', { type: 'submit', class: 'plain', 'data-key': 'save-purpose' }, 'Save'));
}

async function act(box, track, work, words) {
  try {
    await work();
    announce(words);
    await onCorrected.call();
  } catch (error) {
    box.append(el('p', { class: 'bad', role: 'alert' }, error.message));
    return;
  }
  // drawing the details anew has made another box, which is drawn already
  if (box.isConnected) await drawPurpose(box, track);
}
