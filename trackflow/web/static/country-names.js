// Countries in the reader's language: the server knows their English names.

import { LANGUAGE, LOCALE } from './words.js';

const LETTERS = [...'ABCDEFGHIJKLMNOPQRSTUVWXYZ'];
/** Names of Natural Earth that are longer than Intl's, and short ones that lists have. */
const OTHERS = { 'United States of America': 'US', USA: 'US', UK: 'GB', UAE: 'AE' };

let codes = null; // by English name

function codeOf(name) {
  if (!codes) {
    const english = new Intl.DisplayNames('en', { type: 'region', fallback: 'none' });
    const all = LETTERS.flatMap((first) => LETTERS.map((second) => first + second));
    codes = new Map([...all.map((code) => [english.of(code), code]), ...Object.entries(OTHERS)]);
  }
  return codes.get(name);
}

/** A country by its English name, or by its code where that is known; one that Intl does not know keeps its name. */
export function countryName(name, known = null) {
  if (LANGUAGE === 'en' || !name) return name;
  const code = /^[a-z]{2}$/i.test(known ?? '') ? known.toUpperCase() : codeOf(name);
  return (code && new Intl.DisplayNames(LOCALE, { type: 'region', fallback: 'none' }).of(code)) ?? name;
}
