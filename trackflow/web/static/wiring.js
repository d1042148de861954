// Which part follows what: changes of the state, clicks on the map and on the page's own buttons.

import { dark } from './colours.js';
import { drawDetails, refreshDetails } from './details.js';
import { announce, byId, roving } from './dom.js';
import { drawLines } from './drawing.js';
import { findingChanged, findingHandlers, movedByReader } from './finding.js';
import { drawBody, jobsAgain, neighbours } from './lists.js';
import { poll } from './live.js';
import { data } from './loading.js';
import { showDevice, showStop, showVisitsAt } from './popups.js';
import { drawRange } from './range.js';
import { load, refineSoon } from './reloading.js';
import { isSheet, setSheet, sheetStep, wireSheet } from './sheet.js';
import { change, onChange, state } from './state.js';
import { resetTracks } from './tracks.js';
import { plural } from './words.js';
import { zoneChoice } from './zones.js';

/** What the map tells. */
export const handlers = {
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
    if (data.loaded) load({ moved: has('range', 'devices') });
    if (data.loaded) drawRange();
  } else if (has('colour') && (data.long || state.colour === 'often')) load();
  else if (has('track', 'colour')) drawLines();
  if (has('devices', 'tab', 'track', 'zone', 'colour') && data.loaded) drawBody();
  if (has('track')) {
    if (state.track && isSheet() && sheetStep() === 'full') setSheet('half');
    refreshDetails({ neighbours, move: true });
  } else if (has('raw', 'matched', 'colour', 'zone')) drawDetails(neighbours);
  if (has('tab') && state.tab === 'work') jobsAgain();
  if (data.loaded) findingChanged(has);
});

export function wire() {
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
  addEventListener('online', poll);
  dark.addEventListener('change', () => {
    drawLines();
    drawBody();
    drawDetails(neighbours);
  });
  wireSheet(() => {});
}
