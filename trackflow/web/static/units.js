// The reader's choice between metric and imperial units, kept in this browser.

const KEY = 'trackflow-units';

const METRIC = { far: ['km', 1000], near: ['m', 1], speed: ['km/h', 1], height: ['m', 1] };
const IMPERIAL = { far: ['mi', 1609.344], near: ['ft', 0.3048], speed: ['mph', 1.609344], height: ['ft', 0.3048] };

/** The stored choice; a browser that forbids storage has the usual one. */
function stored() {
  try {
    return localStorage.getItem(KEY);
  } catch {
    return null;
  }
}

export const isImperial = stored() === 'imperial';

/** Units by what they measure: a name, and how many metres (or km/h) one of it is. */
export const UNITS = isImperial ? IMPERIAL : METRIC;

/** Keep a choice, and draw the page anew with it: its address has all the rest. */
export function chooseUnits(name) {
  try {
    localStorage.setItem(KEY, name);
  } catch {
    return;
  }
  location.reload();
}
