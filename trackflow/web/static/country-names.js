// Countries in the reader's language: the server knows their English names.

import { LANGUAGE, LOCALE } from './words.js';

const LETTERS = [...'ABCDEFGHIJKLMNOPQRSTUVWXYZ'];
/** Names of Natural Earth that are longer than Intl's. */
const OTHERS = { 'United States of America': 'US' };

let codes = null; // by English name

function codeOf(name) {
  if (!codes) {
    const english = new Intl.DisplayNames('en', { type: 'region', fallback: 'none' });
    const all = LETTERS.flatMap((first) => LETTERS.map((second) => first + second));
    codes = new Map([...all.map((code) => [english.of(code), code]), ...Object.entries(OTHERS)]);
  }
  return codes.get(name);
}

/** A country by its English name; one that Intl does not know keeps it. */
export function countryName(name) {
  if (LANGUAGE === 'en') return name;
  const code = codeOf(name);
  return code ? new Intl.DisplayNames(LOCALE, { type: 'region' }).of(code) : name;
}
