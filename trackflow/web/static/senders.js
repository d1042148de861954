// How each live sender does: its last report, its last error, and what of it was refused.

import { getIfThere } from './api.js';
import { refusalName } from './codes.js';
import { el, english } from './dom.js';
import { age, count } from './format.js';
import { tr } from './words.js';

const AGAIN_MS = 15000;
let senders = [];
let askedAt = 0;

/** Ask again, unless that was just now. */
export async function refreshSenders() {
  if (Date.now() - askedAt < AGAIN_MS) return;
  askedAt = Date.now();
  senders = (await getIfThere('/api/v1/senders'))?.data.senders ?? [];
}

export const sendersMark = () => JSON.stringify(senders);

/** The section of the Work tab. */
export function sendersSection() {
  return senders.length > 0 && [el('h3', {}, tr('Senders')), el('ul', { class: 'list senders', 'aria-label': tr('Senders') }, senders.map(row))];
}

function row(sender) {
  const refused = Object.values(sender.refused).reduce((sum, n) => sum + n, 0);
  const reasons = Object.entries(sender.refused).map(([why, n]) => `${count(n)} ${refusalName(why)}`).join(', ');
  const isNewest = sender.last_error_at && sender.last_error_at === sender.last_report_at;
  return el('li', { class: 'sender', data: { sender: sender.sender } },
    el('div', { class: 'job-head' }, el('span', { class: 'name' }, sender.sender === 'files' ? tr('imported files') : sender.sender)),
    el('p', { class: 'sub' }, tr('Last report {time}', { time: sender.last_report_at ? age(sender.last_report_at) : tr('never') }),
      sender.sender !== 'files' && sender.last_points_at !== sender.last_report_at && [' · ', tr('last points {time}', { time: sender.last_points_at ? age(sender.last_points_at) : tr('never') })]),
    refused > 0 && el('p', { class: isNewest ? 'bad' : 'sub' },
      tr('Last error {time}: {what}', { time: age(sender.last_error_at), what: refusalName(sender.last_error) }), sender.advice && [': ', english(sender.advice)]),
    refused > 0 && el('p', { class: 'sub' }, tr('Refused and kept: {reasons}. “trackflow quarantine list” shows them, “retry” reads them again.', { reasons })));
}
