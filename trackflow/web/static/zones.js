// Days and moments in the zone that is shown: the store's (TRACKFLOW_TIME_ZONE), the browser's or UTC.

import { state } from './state.js';

let stated = 'UTC';
const formats = new Map();

/** The zone whose days the store, its API and Dagster count. */
export function setStated(name) {
  stated = name;
}

/** The name of the zone that is shown, such as Europe/Helsinki. */
export function zoneName() {
  if (state.zone === 'utc') return 'UTC';
  return state.zone === 'local' ? new Intl.DateTimeFormat().resolvedOptions().timeZone : stated;
}

/** The choice as the list of zones has it: UTC is there once. */
export const zoneChoice = () => (state.zone === 'utc' && stated === 'UTC' ? 'stated' : state.zone);

function wallClock(time) {
  const zone = zoneName();
  if (!formats.has(zone)) {
    const digits = '2-digit';
    formats.set(zone, new Intl.DateTimeFormat('sv-SE', { timeZone: zone, year: 'numeric', month: digits, day: digits, hour: digits, minute: digits, second: digits }));
  }
  return formats.get(zone).format(time); // 2026-03-02 14:05:09
}

/** The day of a moment, as YYYY-MM-DD. */
export const dayOf = (time) => wallClock(new Date(time)).slice(0, 10);

/** The first moment at which clocks show a time (YYYY-MM-DDTHH:MM); one that they leave out is as much later as they go forward. */
export function momentOf(shown) {
  const utc = Date.parse(`${shown}Z`);
  const shownAt = (time) => Date.parse(`${wallClock(time).replace(' ', 'T')}Z`);
  const around = [utc - 86400000, utc + 86400000].map((time) => utc - shownAt(time) + time).sort((a, b) => a - b);
  return new Date(around.find((time) => shownAt(time) === utc) ?? around[1]);
}

/** The first moment of a day; where clocks go forward at midnight that is 1 o'clock. */
export const midnight = (day) => momentOf(`${day}T00:00`);
