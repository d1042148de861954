// Places: those that were learned and those that people named; confirmed, renamed, merged, rejected, undone.

import { get, send } from './api.js';
import { PLACE_KINDS, placeKindName } from './codes.js';
import { el, empty, fill, fillAround, tell, touch } from './dom.js';
import { distance, percent } from './format.js';
import { textInput } from './outcome.js';
import { plural, tr } from './words.js';

const MOST = 100;
const LATER = tr('Visits follow at once, categories and the logbook with the next run.');

const STATES = { confirmed: tr('confirmed'), rejected: tr('rejected'), merged: tr('merged') };

const owner = (place) => place.device_id ?? tr('all devices');

/** Show the places in `box`. */
export function installPlaces(box, { mayChange, failed }) {
  let places = [];
  let editing = null; // { id, form: 'rename' or 'merge' }
  let newest = ''; // the place that was changed last
  const list = el('div', { id: 'place-list', tabindex: '-1' });
  const filter = el('input', { type: 'search', id: 'place-filter', placeholder: tr('Name, kind or device'), 'aria-label': tr('Filter places'), on: { input: () => { newest = ''; draw(); } } });
  const all = el('input', { type: 'checkbox', id: 'place-all', on: { change: () => draw() } });
  fill(box,
    el('div', { class: 'search' }, filter, el('label', {}, all, tr('Rejected and merged too'))),
    list);

  async function load() {
    try {
      const { data } = await get('/api/v1/places?rejected=true');
      places = data.places;
      draw();
    } catch (error) {
      failed(error);
    }
  }

  async function act(place, work, words) {
    try {
      await work();
      if (editing?.id === place.place_id) editing = null;
      newest = place.place_id;
      tell(`${words}. ${LATER}`);
      failed(null);
      await load();
    } catch (error) {
      failed(error);
    }
  }

  const at = (place, more = '') => `/api/v1/places/${place.place_id}${more}`;
  const actions = {
    confirm: (place) => act(place, () => send('PATCH', at(place), {}), tr('{place} is confirmed', { place: place.name })),
    rename: (place, change) => act(place, () => send('PATCH', at(place), change), tr('{place} is changed', { place: place.name })),
    merge: (place, into) => act(place, () => send('POST', at(place, '/merge'), { into }), tr('{place} is merged', { place: place.name })),
    reject: (place) => act(place, () => send('DELETE', at(place)), tr('{place} is rejected', { place: place.name })),
    undo: (place) => act(place, () => send('POST', at(place, '/undo')), tr('Undone')),
    edit: (place, form) => { editing = { id: place.place_id, form }; draw(); },
    stop: () => { editing = null; draw(); },
  };

  function draw() {
    const wanted = filter.value.trim().toLowerCase();
    const isListed = (place) => all.checked || ['learned', 'confirmed'].includes(place.status);
    // what was just changed stays in sight, with its way back: a new name, or one that is rejected
    const found = places.filter((place) => place.place_id === newest || (isListed(place) && [place.name, placeKindName(place.kind), owner(place)].some((text) => text.toLowerCase().includes(wanted))));
    if (!places.some(isListed) && !found.length) {
      fill(list, empty(tr('No places yet'), tr('They are learned from stays, after some days of tracks.')));
      return;
    }
    fillAround(list, null,
      found.slice(0, MOST).map((place) => article(place)),
      found.length > MOST && el('p', { class: 'dim' }, plural('and {n} more place: name one above', 'and {n} more places: name one above', found.length - MOST)),
      !found.length && el('p', { class: 'dim' }, tr('No place is called so.')));
  }

  function article(place) {
    const isOpen = editing?.id === place.place_id;
    return el('article', { class: 'place', data: { place: place.place_id, status: place.status } },
      el('div', {},
        el('p', { class: 'strong' }, place.name),
        el('p', { class: 'dim' }, [placeKindName(place.kind), owner(place), `${place.latitude.toFixed(5)}, ${place.longitude.toFixed(5)}`, tr('{distance} around', { distance: distance(place.radius_m) })].join(' · ')),
        el('p', { class: 'dim' }, state(place), ' · ', el('a', { class: 'link', href: mapOf(place), 'aria-label': tr('{place} on the map', { place: place.name }) }, tr('On the map')))),
      mayChange && (isOpen ? form(place) : buttons(place)));
  }

  /** Its area on the map, with the tracks that were there. */
  function mapOf({ latitude, longitude, radius_m: radius }) {
    const [lon, lat] = [longitude.toFixed(5), latitude.toFixed(5)];
    return `/#${new URLSearchParams({ near: `${lon},${lat},${Math.round(radius)}`, map: `15/${lat}/${lon}` })}`;
  }

  function state(place) {
    if (place.status === 'learned') return tr('learned, {share} sure', { share: percent(place.confidence) });
    const into = place.merged_into && places.find((one) => one.place_id === place.merged_into);
    return [into ? tr('merged into {place}', { place: into.name }) : STATES[place.status] ?? place.status, place.changed_by && tr('by {who}', { who: place.changed_by })].filter(Boolean).join(' ');
  }

  function buttons(place) {
    const button = (name, words, run) => el('button', { type: 'button', class: 'plain', 'aria-label': `${words}: ${place.name}`, 'data-key': `${name}-${place.place_id}`, on: { click: run } }, words);
    const isThere = ['learned', 'confirmed'].includes(place.status);
    return el('div', { class: 'place-buttons' },
      place.status !== 'confirmed' && place.status !== 'merged' && button('confirm', tr('Confirm'), () => actions.confirm(place)),
      isThere && button('rename', tr('Rename'), () => actions.edit(place, 'rename')),
      isThere && others(place).length > 0 && button('merge', tr('Merge'), () => actions.edit(place, 'merge')),
      isThere && button('reject', tr('Reject'), () => actions.reject(place)),
      place.changed_by && button('undo', tr('Undo'), () => actions.undo(place)));
  }

  const others = (place) => places.filter((one) => one.place_id !== place.place_id && ['learned', 'confirmed'].includes(one.status) && [place.device_id, null].includes(one.device_id));

  function form(place) {
    const isRename = editing.form === 'rename';
    const name = textInput('name', place.name, 'place-name');
    name.maxLength = 200;
    const kind = el('select', { 'aria-label': tr('Kind') }, PLACE_KINDS.map((one) => el('option', { value: one, selected: one === place.kind }, placeKindName(one))));
    const into = el('select', { 'aria-label': tr('Merge into') }, others(place).map((one) => el('option', { value: one.place_id }, `${one.name} (${placeKindName(one.kind)}, ${owner(one)})`)));
    const submit = (event) => {
      event.preventDefault();
      if (isRename) actions.rename(place, { name: name.value.trim(), kind: kind.value });
      else actions.merge(place, into.value);
    };
    return el('form', { class: 'place-form', data: { form: `${editing.form} ${place.place_id}` }, on: { submit, input: touch } },
      isRename ? [name, kind] : el('label', {}, `${tr('into')} `, into),
      el('button', { type: 'submit', class: 'primary', 'data-key': `save-${place.place_id}` }, isRename ? tr('Save') : tr('Merge')),
      el('button', { type: 'button', class: 'plain', on: { click: actions.stop } }, tr('Cancel')));
  }

  return load();
}
