// Asking every few seconds whether something is new, and drawing it.

import { get } from './api.js';
import { answered, connection, failed, hasNotice } from './connection.js';
import { drawPositions } from './drawing.js';
import { devicesRead } from './finding.js';
import { jobsRunning, refreshJobs } from './jobs.js';
import { drawBody } from './lists.js';
import { LONG_DAYS, data, loadDevices } from './loading.js';
import { refreshNotices } from './notices.js';
import { lengthDays } from './range.js';
import { load } from './reloading.js';
import { refreshSenders } from './senders.js';
import { state } from './state.js';
import { drawChip } from './status.js';

const POLL_MS = 3000;
const MOST_WAIT_MS = 30000;
/** A long range is heavy: it is read again this long after the last time, and not sooner. */
const LONG_REST_MS = 30000;

/** What of the status says that there is something new to draw. */
const mark = (s) => JSON.stringify([s.unprocessed_points, s.processed_points, s.cached_paths, s.last_update, s.failed_batches, s.pending_batches, s.active_devices]);

let wait = POLL_MS;
let timer = null;
/** When a long range was last read, and whether something has come since. */
let longReadAt = 0;
let longIsStale = false;

export async function poll() {
  if (connection.isSignedOut || document.hidden) return;
  try {
    const { data: status } = await get('/worker/status');
    const fresh = mark(status) !== mark(data.status);
    const back = Boolean(connection.offline) || hasNotice();
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
  drawChip(data.status, connection.offline);
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

export function keepPolling() {
  clearTimeout(timer);
  timer = setTimeout(async () => {
    await poll();
    keepPolling();
  }, wait);
}
