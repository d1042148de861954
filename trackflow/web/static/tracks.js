// The list of tracks of the range, the newest first.

import { categoryName, modeName } from './codes.js';
import { ofCategory, ofDevice, ofMode } from './colours.js';
import { el, empty, fill, oneInTabOrder, roving } from './dom.js';
import { clock, count, distance, duration, longDate, sameDay, span } from './format.js';
import { nameOf, named } from './looks.js';
import { hoverOver } from './map.js';
import { rangeInWords } from './range.js';
import { endsOf } from './ends.js';
import { change, state } from './state.js';
import { plural, tr } from './words.js';

const STEP = 200;
let most = STEP;

const COLOURS = {
  device: (p) => ofDevice(p.device_id),
  mode: (p) => ofMode(p.travel_mode),
  category: (p) => ofCategory(p.category),
  often: (p) => ofDevice(p.device_id),
};

export const colourOf = (p) => COLOURS[state.colour](p);

/** What a track's colour stands for, in words. */
export const colourWords = (p) => (state.colour === 'mode' ? modeName(p.travel_mode) ?? tr('mode not known yet') : categoryName(p.category) ?? tr('no category'));

/** The list starts again at its beginning: it is about another range. */
export function resetTracks() {
  most = STEP;
}

/** Draw the list. `advice` says what to do if it is empty. */
export function drawTracks(body, { tracks, truncated, advice }) {
  if (!tracks.length) {
    fill(body, empty(tr('No tracks in {range}', { range: rangeInWords() }), ...advice));
    return;
  }
  const shown = tracks.slice(0, most);
  const children = [];
  shown.forEach((track, k) => {
    const start = track.properties.start_time;
    if (k === 0 || !sameDay(start, shown[k - 1].properties.start_time)) children.push(el('li', { class: 'day-head' }, longDate(start)));
    children.push(row(track));
  });
  const list = el('ul', { class: 'list', 'aria-label': tr('Tracks') }, children);
  roving(list, '.track');
  const buttons = [...list.querySelectorAll('.track')];
  oneInTabOrder(buttons, buttons.find((b) => b.getAttribute('aria-current') === 'true'));
  fill(
    body,
    truncated && el('p', { class: 'hint' }, tr('These are the newest {n}. Choose fewer devices or days to see all.', { n: count(tracks.length) })),
    list,
    shown.length < tracks.length &&
      el('button', {
        type: 'button', class: 'more', 'data-key': 'more',
        on: { click: () => { most += STEP; drawTracks(body, { tracks, truncated, advice }); } },
      }, plural('Show {n} more of {all} tracks', 'Show {n} more of {all} tracks', Math.min(STEP, tracks.length - shown.length), { all: count(tracks.length) })),
  );
}

function row(track) {
  const p = track.properties;
  const chosen = p.track_id === state.track;
  return el('li', { class: 'row' },
    el('button', {
      type: 'button', class: 'track', 'aria-current': chosen, 'data-key': `track-${p.track_id}`,
      on: {
        click: () => change({ track: p.track_id }),
        mouseenter: () => hoverOver(p.n),
        mouseleave: () => hoverOver(null),
        focus: () => hoverOver(p.n),
        blur: () => hoverOver(null),
      },
    },
      el('span', { class: 'swatch line', style: { '--colour': colourOf(p) } }),
      el('span', { class: 'grow' },
        el('span', { class: 'name', title: p.device_id }, p.name ?? named(p.device_id)),
        el('span', { class: 'sub' }, p.name && [named(p.device_id), ', '], span(p.start_time, p.end_time)),
        el('span', { class: 'sub from-to', data: { ends: p.track_id } }, endsOf(p.track_id))),
      el('span', { class: 'side' },
        el('span', { class: 'figure' }, distance(p.distance_m)),
        el('span', { class: 'sub' }, duration(p.duration_s)))));
}

/** What a screen reader says of a track. */
export const inWords = (p) => tr('{name} of {device}, {start} to {end}, {distance}', {
  name: p.name ?? tr('Track'), device: nameOf(p.device_id), start: clock(p.start_time), end: clock(p.end_time), distance: distance(p.distance_m),
});
