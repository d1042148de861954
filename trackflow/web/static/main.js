// The page as a whole: what is loaded when.

import { get, getIfThere, onSignedOut } from './api.js';
import { connection, failed } from './connection.js';
import { refreshDays } from './days.js';
import { refreshDetails } from './details.js';
import { onChanged } from './doing.js';
import { byId } from './dom.js';
import { drawLines } from './drawing.js';
import { installDrop } from './drop.js';
import { findingChanged } from './finding.js';
import { ground, makeMap, showPreview } from './first-view.js';
import { tickAges } from './format.js';
import { drawBody, jobsAgain, neighbours } from './lists.js';
import { keepPolling, poll } from './live.js';
import { data, firstRange, loadDevices, loadLong, loadSome, loadStops, loadSums, loadTracks, setTracks, tolerance } from './loading.js';
import { askForToken, installLogin } from './login.js';
import { firstLines } from './long.js';
import { hasMap } from './map.js';
import { mapLibre } from './flat-map.js';
import { beginPage } from './problems.js';
import { onCorrected, reader } from './purpose.js';
import { drawRange } from './range.js';
import { load } from './reloading.js';
import { readSettings } from './settings.js';
import { change, followAddress, state } from './state.js';
import { drawChip } from './status.js';
import { importDialog, onImported } from './upload.js';
import { wire } from './wiring.js';
import { tr } from './words.js';
import { zoneChoice } from './zones.js';

async function settings() {
  data.settings = await readSettings();
  const { time_zone: stated } = data.settings;
  const choices = byId('zone');
  choices.querySelector('[value=stated]').textContent = stated;
  choices.querySelector('[value=utc]').hidden = stated === 'UTC';
  choices.value = zoneChoice();
  reader.mayChange = data.settings.mayChange;
}

// ---- signing in ----------------------------------------------------------------------------

installLogin({
  opens: tr('Open the map'),
  begin: () => {
    connection.isSignedOut = false;
    return beginPage(start, failed);
  },
});
onSignedOut.call = (reason) => {
  connection.isSignedOut = true;
  askForToken(reason);
};

// ---- start ---------------------------------------------------------------------------------

async function start() {
  const known = settings();
  const asked = Promise.all([known, getIfThere('/api/v1/networks')]);
  asked.catch(() => {}); // what is wrong is shown below
  // The status comes first: what changes while the rest is read then shows in the next one.
  const devices = get('/worker/status').then(({ data: status }) => {
    data.status = status;
    return loadDevices();
  });
  await Promise.all([known, devices]); // days are those of the zone that the settings name
  if (!state.range) change({ range: firstRange() }, { remember: false });
  await loadLong();
  const first = data.long ? firstLines(data.long) : loadSome();
  if (data.long) await first; // of a fleet's month the sums take the server as long as the tiles, which are seen first
  const rest = Promise.all([loadSums(), loadStops()]);
  rest.catch(() => {});
  const some = await first;
  const preview = some.features.length && !hasMap() ? await showPreview(some.features, some.view) : null;
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
  if (!hasMap()) await makeMap(asked, preview);
  drawLines();
  ground((await asked)[1]);
  findingChanged((...names) => names.includes('here') || names.includes('follow') || names.includes('tab'));
  await Promise.all([poll(), refreshDays(), refreshDetails({ neighbours, move: !state.view })]);
  if (state.tab === 'work') await jobsAgain();
  drawChip(data.status, connection.offline);
  keepPolling();
}

onCorrected.call = onChanged.call = onImported.call = () => load();
installDrop({ mayDrop: () => reader.mayChange && !byId('import'), take: importDialog });
setInterval(tickAges, 5000);
followAddress();
wire();
drawBody();
beginPage(start, failed);
