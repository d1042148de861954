// Rules: shown as their file, previewed on past trips, saved as a new version.

import { get, send } from './api.js';
import { categoryName } from './codes.js';
import { announce, el, empty, fill, tell } from './dom.js';
import { count, distance, longDate } from './format.js';
import { installRuleUses } from './logbook-rule-uses.js';
import { wordsOf } from './problems.js';
import { isolated, plural, tr } from './words.js';

const EXAMPLE = `# The first rule that gives a result decides it.
[[rules]]
id = "weekdays"
name = "Weekdays are business"
category = "business"
when = { weekday = ["mon", "tue", "wed", "thu", "fri"] }
`;

let put = () => {}; // a rule into what is edited

/** Put the draft of a rule that holds for a track, and for those like it, above the others: the first one decides. */
export async function draftRule(track) {
  put((await get(`/api/v1/rules/from-track/${encodeURIComponent(track)}`)).data.toml);
  tell(tr('The rule is in the editor. Preview shows what it would change.'));
}

/** Show the rules in `box`. */
export async function drawRules(box, { mayChange, saved, failed }) {
  const { data } = await get('/api/v1/rules');
  let shown = data.version; // of two people who change it, the second is told
  const text = el('textarea', { class: 'rules-text', id: 'rules-text', 'aria-label': tr('Rules as TOML'), spellcheck: 'false', readonly: !mayChange });
  text.value = data.rules.length ? data.toml : EXAMPLE;
  const result = el('div', { id: 'preview', tabindex: '-1' });
  const act = async (work) => {
    try {
      await work();
    } catch (error) {
      fill(result, el('p', { class: 'bad', role: 'alert' }, wordsOf(error)));
      failed(null);
    }
  };
  const inUse = el('p', { class: 'dim' });
  const tellInUse = () => { inUse.textContent = shown ? tr('Version {version} decides about trips that begin now.', { version: shown }) : tr('No rules are in use yet; this is an example.'); };
  const uses = el('div', { id: 'rule-uses' });
  const drawUses = () => installRuleUses(uses, { mayChange, changed: saved, failed });
  const preview = () => act(async () => {
    const found = await send('POST', '/api/v1/rules/preview', { toml: text.value });
    fill(result, missingRates(found), changes(found));
    announce(plural('{n} trip of {all} would change', '{n} trips of {all} would change', found.changed, { all: count(found.tracks) }));
  });
  const save = () => act(async () => {
    const found = await send('POST', '/api/v1/rules', { toml: text.value, made_from: shown });
    shown = found.version;
    tellInUse();
    fill(result, el('p', {}, tr('Saved as version {version}, for trips from now on. The past stays as it is, until the version is used for it below.', { version: found.version })), missingRates(found));
    announce(tr('The rules are saved'));
    await Promise.all([saved(), drawUses()]);
  });
  fill(box,
    inUse,
    text,
    el('div', { class: 'files' },
      el('button', { type: 'button', class: 'plain', id: 'preview-rules', on: { click: preview } }, tr('Preview')),
      mayChange && el('button', { type: 'button', class: 'primary', id: 'save-rules', on: { click: save } }, tr('Save'))),
    result, uses);
  tellInUse();
  put = (toml) => {
    text.value = !shown && text.value === EXAMPLE ? toml : `${toml}\n${text.value}`;
    text.scrollTop = 0;
    text.scrollIntoView({ block: 'center' });
    text.focus();
  };
  await drawUses();
}

/** Rates that a person's rules name, and the table lacks: nothing else says why a trip is paid nothing. */
function missingRates(found) {
  return found.missing_rates.map((rate) => el('p', { class: 'bad' }, tr('Rate {rate} is not in the table of rates: its trips are paid nothing.', { rate: isolated(rate) })));
}

function name(outcome) {
  return [categoryName(outcome.category) ?? tr('no category'), outcome.purpose].filter(Boolean).join(': ');
}

function changes(found) {
  if (!found.changed) return empty(plural('None of {n} past trip would change', 'None of {n} past trips would change', found.tracks));
  return el('div', {},
    el('p', { class: 'strong' }, plural('{n} trip of {all} would change if these rules were applied to the past', '{n} trips of {all} would change if these rules were applied to the past', found.changed, { all: count(found.tracks) })),
    el('div', { class: 'table-box' }, el('table', {},
      el('thead', {}, el('tr', {}, el('th', {}, tr('Category')), [tr('before'), tr('after')].map((words) => el('th', { class: 'number' }, words)))),
      el('tbody', {}, found.sums.map((sum) => el('tr', {}, el('td', {}, categoryName(sum.category) ?? tr('no category')),
        el('td', { class: 'number' }, `${distance(sum.before_m)}, ${plural('{n} trip', '{n} trips', sum.tracks_before)}`),
        el('td', { class: 'number' }, `${distance(sum.after_m)}, ${plural('{n} trip', '{n} trips', sum.tracks_after)}`)))))),
    el('h3', {}, tr('The first of them')),
    el('ul', {}, found.changes.slice(0, 20).map((one) => el('li', {}, `${longDate(one.start_time)}, ${isolated(one.device_id)}, ${distance(one.distance_m)}: ${name(one.before)} → ${name(one.after)}`))));
}
