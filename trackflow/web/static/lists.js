// The panel with its tabs: devices, tracks and work.

import { connection, failed } from './connection.js';
import { openTrack } from './details.js';
import { drawDevices } from './devices.js';
import { byId, el, fill } from './dom.js';
import { fitAll, goToDevice } from './finding.js';
import { count, date } from './format.js';
import { jobsMark, jobsSection, refreshJobs } from './jobs.js';
import { data } from './loading.js';
import { firstPoints } from './no-points.js';
import { noticesCount, noticesMark, noticesSection } from './notices.js';
import { refreshSenders, sendersMark, sendersSection } from './senders.js';
import { change, state } from './state.js';
import { statusSection } from './status.js';
import { drawTracks } from './tracks.js';
import { tr } from './words.js';
import { dayOf } from './zones.js';

let workDrawn = '';

/** What to do about an empty list of tracks. */
function advice() {
  if (!data.devices.length) return [firstPoints()];
  if (state.devices?.length === 0) return [tr('No device is chosen: choose some under Devices.')];
  if (data.status?.unprocessed_points) return [tr('Points wait to be worked on: see Work.')];
  const newest = data.devices.map((d) => d.last_time).filter(Boolean).sort().at(-1);
  return [newest ? el('button', { type: 'button', class: 'link', on: { click: () => change({ range: { kind: 'day', day: dayOf(newest) } }) } }, tr('Go to the newest points, of {day}', { day: date(newest) })) : tr('No points yet.')];
}

export function drawBody() {
  const body = byId('panel-body');
  for (const tab of document.querySelectorAll('[role=tab]')) {
    const chosen = tab.dataset.tab === state.tab;
    tab.setAttribute('aria-selected', String(chosen));
    tab.tabIndex = chosen ? 0 : -1;
    if (chosen) body.setAttribute('aria-labelledby', tab.id);
  }
  byId('tab-devices').textContent = data.devices.length ? tr('Devices {n}', { n: `${state.devices ? `${count(state.devices.length)}/` : ''}${count(data.devices.length)}` }) : tr('Devices');
  byId('tab-tracks').textContent = data.loaded ? tr('Tracks {n}', { n: `${count(data.long?.tracks ?? data.tracks.length)}${data.truncated && !data.long ? '+' : ''}` }) : tr('Tracks');
  byId('tab-work').textContent = noticesCount() ? tr('Work {n}', { n: `${noticesCount()}!` }) : tr('Work');
  if (state.tab === 'work') {
    // it is drawn every few seconds, so only if it says something else: somebody may be clicking or typing
    const says = JSON.stringify([data.status && workMark(data.status), noticesMark(), sendersMark(), jobsMark(), connection.offline, data.devices.length, data.settings?.scope, state.zone, state.range]);
    if (says === workDrawn && body.querySelector('.work')) return;
    if (body.querySelector('.work') && body.contains(document.activeElement?.closest('input, select'))) return;
    workDrawn = says;
    return fill(body, el('div', { class: 'work' }, statusSection(data.status, connection.offline), noticesSection(), sendersSection(),
      jobsSection({ devices: data.devices, mayStart: data.settings?.mayChange, again: jobsAgain })));
  }
  if (!data.loaded) return fill(body, skeleton());
  if (state.tab === 'devices') return drawDevices(body, { devices: data.devices, sums: data.sums, goTo: goToDevice, fitAll });
  return drawTracks(body, { tracks: data.tracks, truncated: data.truncated, advice: advice() });
}

const workMark = (status) => ({ ...status, backlog_age_s: Math.round((status.backlog_age_s ?? 0) / 10), worker: status.worker?.running });

const skeleton = () => el('div', { class: 'skeleton', 'aria-label': tr('Loading') }, Array.from({ length: 6 }, () => el('div', {})));

/** The tracks of the same device before and after a track, as far as they are in the list. */
export function neighbours(id) {
  const device = openTrack()?.properties.device_id;
  const own = data.tracks.filter((t) => t.properties.device_id === device);
  const at = own.findIndex((t) => t.properties.track_id === id);
  return at < 0 ? {} : { before: own[at + 1]?.properties.track_id, after: own[at - 1]?.properties.track_id };
}

export async function jobsAgain() {
  try {
    await refreshJobs();
    await refreshSenders();
  } catch (error) {
    failed(error);
  }
  if (state.tab === 'work') drawBody();
}
