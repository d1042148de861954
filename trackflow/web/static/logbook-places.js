// Places: those that were learned and those that people named; confirmed, renamed, merged, rejected, undone.

import { get, send, withQuery } from './api.js';
import { announce, el, empty, fill } from './dom.js';
import { counted, distance, percent } from './format.js';
import { textInput } from './outcome.js';

const KINDS = ['home', 'work', 'customer', 'race_track', 'other'];
const MOST = 100;
const LATER = 'Visits follow at once, categories and the logbook with the next run.';

const kindWords = (kind) => kind.replace('_', ' ');
const owner = (place) => place.device_id ?? 'all devices';

/** Show the places in `box`. */
export function installPlaces(box, { mayChange, failed }) {
  let places = [];
  let editing = null; // { id, form: 'rename' or 'merge' }
  const list = el('div', { id: 'place-list', tabindex: '-1' });
  const filter = el('input', { type: 'search', id: 'place-filter', placeholder: 'Name, kind or device', 'aria-label': 'Filter places', on: { input: () => draw() } });
  const all = el('input', { type: 'checkbox', id: 'place-all', on: { change: () => load() } });
  fill(box,
    el('div', { class: 'search' }, filter, el('label', {}, all, 'Rejected and merged too')),
    list);

  async function load() {
    try {
      const { data } = await get(withQuery('/api/v1/places', { rejected: all.checked ? 'true' : null }));
      places = data.places;
      draw();
    } catch (error) {
      failed(error);
    }
  }

  async function act(work, words) {
    try {
      await work();
      editing = null;
      announce(`${words}. ${LATER}`);
      failed(null);
      await load();
    } catch (error) {
      failed(error);
    }
  }

  const at = (place, more = '') => `/api/v1/places/${place.place_id}${more}`;
  const actions = {
    confirm: (place) => act(() => send('PATCH', at(place), {}), `${place.name} is confirmed`),
    rename: (place, change) => act(() => send('PATCH', at(place), change), `${place.name} is changed`),
    merge: (place, into) => act(() => send('POST', at(place, '/merge'), { into }), `${place.name} is merged`),
    reject: (place) => act(() => send('DELETE', at(place)), `${place.name} is rejected`),
    undo: (place) => act(() => send('POST', at(place, '/undo')), 'Undone'),
    edit: (place, form) => { editing = { id: place.place_id, form }; draw(); },
    stop: () => { editing = null; draw(); },
  };

  function draw() {
    const wanted = filter.value.trim().toLowerCase();
    const found = places.filter((place) => [place.name, kindWords(place.kind), owner(place)].some((text) => text.toLowerCase().includes(wanted)));
    if (!places.length) {
      fill(list, empty('No places yet', 'They are learned from stays, after some days of tracks.'));
      return;
    }
    fill(list,
      found.slice(0, MOST).map((place) => article(place)),
      found.length > MOST && el('p', { class: 'dim' }, `and ${counted(found.length - MOST, 'more place')}: name one above`),
      !found.length && el('p', { class: 'dim' }, 'No place is called so.'));
  }

  function article(place) {
    const isOpen = editing?.id === place.place_id;
    return el('article', { class: 'place', data: { place: place.place_id, status: place.status } },
      el('div', {},
        el('p', { class: 'strong' }, place.name),
        el('p', { class: 'dim' }, [kindWords(place.kind), owner(place), `${place.latitude.toFixed(5)}, ${place.longitude.toFixed(5)}`, `${distance(place.radius_m)} around`].join(' · ')),
        el('p', { class: 'dim' }, state(place))),
      mayChange && (isOpen ? form(place) : buttons(place)));
  }

  function state(place) {
    if (place.status === 'learned') return `learned, ${percent(place.confidence)} sure`;
    const into = place.merged_into && places.find((one) => one.place_id === place.merged_into);
    return [into ? `merged into ${into.name}` : place.status, place.changed_by && `by ${place.changed_by}`].filter(Boolean).join(' ');
  }

  function buttons(place) {
    const button = (name, words, run) => el('button', { type: 'button', class: 'plain', 'aria-label': `${words} ${place.name}`, 'data-key': `${name}-${place.place_id}`, on: { click: run } }, words);
    const isThere = ['learned', 'confirmed'].includes(place.status);
    return el('div', { class: 'place-buttons' },
      place.status !== 'confirmed' && place.status !== 'merged' && button('confirm', 'Confirm', () => actions.confirm(place)),
      isThere && button('rename', 'Rename', () => actions.edit(place, 'rename')),
      isThere && others(place).length > 0 && button('merge', 'Merge', () => actions.edit(place, 'merge')),
      isThere && button('reject', 'Reject', () => actions.reject(place)),
      place.changed_by && button('undo', 'Undo', () => actions.undo(place)));
  }

  const others = (place) => places.filter((one) => one.place_id !== place.place_id && ['learned', 'confirmed'].includes(one.status) && [place.device_id, null].includes(one.device_id));

  function form(place) {
    const isRename = editing.form === 'rename';
    const name = textInput('name', place.name, 'place-name');
    name.maxLength = 200;
    const kind = el('select', { 'aria-label': 'Kind' }, KINDS.map((one) => el('option', { value: one, selected: one === place.kind }, kindWords(one))));
    const into = el('select', { 'aria-label': 'Merge into' }, others(place).map((one) => el('option', { value: one.place_id }, `${one.name} (${kindWords(one.kind)}, ${owner(one)})`)));
    const submit = (event) => {
      event.preventDefault();
      if (isRename) actions.rename(place, { name: name.value.trim(), kind: kind.value });
      else actions.merge(place, into.value);
    };
    return el('form', { class: 'place-form', on: { submit } },
      isRename ? [name, kind] : el('label', {}, 'into ', into),
      el('button', { type: 'submit', class: 'primary', 'data-key': `save-${place.place_id}` }, isRename ? 'Save' : 'Merge'),
      el('button', { type: 'button', class: 'plain', on: { click: actions.stop } }, 'Cancel'));
  }

  return load();
}
