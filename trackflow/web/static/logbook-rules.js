// Rules: shown as their file, previewed on past trips, saved as a new version.

import { get, send } from './api.js';
import { announce, el, empty, fill } from './dom.js';
import { count, counted, distance, longDate } from './format.js';

const EXAMPLE = `# The first rule that gives a result decides it.
[[rules]]
id = "weekdays"
name = "Weekdays are business"
category = "business"
when = { weekday = ["mon", "tue", "wed", "thu", "fri"] }
`;

/** Show the rules in `box`. */
export async function drawRules(box, { mayChange, saved, failed }) {
  const { data } = await get('/api/v1/rules');
  const text = el('textarea', { class: 'rules-text', id: 'rules-text', 'aria-label': 'Rules as TOML', spellcheck: 'false', readonly: !mayChange });
  text.value = data.rules.length ? data.toml : EXAMPLE;
  const result = el('div', { id: 'preview', tabindex: '-1' });
  const act = async (work) => {
    try {
      await work();
    } catch (error) {
      fill(result, el('p', { class: 'bad', role: 'alert' }, error.message));
      failed(null);
    }
  };
  const preview = () => act(async () => {
    const found = await send('POST', '/api/v1/rules/preview', { toml: text.value });
    fill(result, changes(found));
    announce(`${counted(found.changed, 'trip')} of ${count(found.tracks)} would change`);
  });
  const save = () => act(async () => {
    const found = await send('POST', '/api/v1/rules', { toml: text.value });
    fill(result, el('p', {}, `Saved as version ${found.version}, for trips from now on. The past stays as it is: “trackflow rules apply ${found.version} --from DAY --to DAY” uses it for a time.`));
    announce('The rules are saved');
    await saved();
  });
  fill(box,
    el('p', { class: 'dim' }, data.version ? `Version ${data.version} decides about trips that begin now.` : 'No rules are in use yet; this is an example.'),
    text,
    el('div', { class: 'files' },
      el('button', { type: 'button', class: 'plain', id: 'preview-rules', on: { click: preview } }, 'Preview'),
      mayChange && el('button', { type: 'button', class: 'primary', id: 'save-rules', on: { click: save } }, 'Save')),
    result);
}

function name(outcome) {
  return [outcome.category ?? 'no category', outcome.purpose].filter(Boolean).join(': ');
}

function changes(found) {
  if (!found.changed) return empty(`None of ${counted(found.tracks, 'past trip')} would change`);
  return el('div', {},
    el('p', { class: 'strong' }, `${counted(found.changed, 'trip')} of ${count(found.tracks)} would change if these rules were applied to the past`),
    el('div', { class: 'table-box' }, el('table', {},
      el('thead', {}, el('tr', {}, el('th', {}, 'Category'), ['before', 'after'].map((words) => el('th', { class: 'number' }, words)))),
      el('tbody', {}, found.sums.map((sum) => el('tr', {}, el('td', {}, sum.category ?? 'no category'),
        el('td', { class: 'number' }, `${distance(sum.before_m)}, ${counted(sum.tracks_before, 'trip')}`),
        el('td', { class: 'number' }, `${distance(sum.after_m)}, ${counted(sum.tracks_after, 'trip')}`)))))),
    el('h3', {}, 'The first of them'),
    el('ul', {}, found.changes.slice(0, 20).map((one) => el('li', {}, `${longDate(one.start_time)}, ${one.device_id}, ${distance(one.distance_m)}: ${name(one.before)} → ${name(one.after)}`))));
}
