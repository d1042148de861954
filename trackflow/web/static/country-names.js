// Countries in the reader's language: the server knows their English names.

import { LANGUAGE, LOCALE } from './words.js';

const LETTERS = [...'ABCDEFGHIJKLMNOPQRSTUVWXYZ'];
/** Names of Natural Earth that are not Intl's, and short ones that lists have. */
const OTHERS = {
  USA: 'US', UK: 'GB', UAE: 'AE',
  'Antigua and Barb.': 'AG', 'Bosnia and Herz.': 'BA', 'Br. Indian Ocean Ter.': 'IO', 'British Virgin Is.': 'VG', 'Cabo Verde': 'CV', 'Cayman Is.': 'KY',
  'Central African Rep.': 'CF', 'Clipperton I.': 'CP', Congo: 'CG', 'Cook Is.': 'CK', "Côte d'Ivoire": 'CI', 'Dem. Rep. Congo': 'CD', 'Dominican Rep.': 'DO',
  'Eq. Guinea': 'GQ', 'Faeroe Is.': 'FO', 'Falkland Is.': 'FK', 'Fr. Polynesia': 'PF', 'Fr. S. Antarctic Lands': 'TF', 'Heard I. and McDonald Is.': 'HM',
  'Hong Kong': 'HK', Macao: 'MO', Macedonia: 'MK', 'Marshall Is.': 'MH', Myanmar: 'MM', 'N. Mariana Is.': 'MP', Palestine: 'PS', 'Pitcairn Is.': 'PN',
  'S. Geo. and the Is.': 'GS', 'S. Sudan': 'SS', 'Saint Helena': 'SH', 'Saint Lucia': 'LC', 'Solomon Is.': 'SB', 'St-Barthélemy': 'BL', 'St-Martin': 'MF',
  'St. Kitts and Nevis': 'KN', 'St. Pierre and Miquelon': 'PM', 'St. Vin. and Gren.': 'VC', 'São Tomé and Principe': 'ST', 'Trinidad and Tobago': 'TT',
  Turkey: 'TR', 'Turks and Caicos Is.': 'TC', 'U.S. Minor Outlying Is.': 'UM', 'U.S. Virgin Is.': 'VI', 'United States of America': 'US', Vatican: 'VA',
  'W. Sahara': 'EH', 'Wallis and Futuna Is.': 'WF', eSwatini: 'SZ', Åland: 'AX',
};

const namesIn = (language) => new Intl.DisplayNames(language, { type: 'region', fallback: 'none' });
let codes = null; // by English name

function known() {
  if (!codes) {
    const english = namesIn('en');
    const all = LETTERS.flatMap((first) => LETTERS.map((second) => first + second));
    codes = new Map([...all.map((code) => [english.of(code), code]).filter(([name]) => name), ...Object.entries(OTHERS)]);
  }
  return codes;
}

/** A country by its English name, or by its code where that is known; one that Intl does not know keeps its name. */
export function countryName(name, itsCode = null) {
  if (!name || (LANGUAGE === 'en' && !name.includes('.'))) return name;
  const code = /^[a-z]{2}$/i.test(itsCode ?? '') ? itsCode.toUpperCase() : known().get(name);
  return (code && namesIn(LOCALE).of(code)) ?? name;
}

/** The same for what maps draw: an expression of a country's `name`. */
export function countryLabel() {
  if (LANGUAGE === 'en') return ['get', 'name'];
  const own = namesIn(LOCALE);
  return ['match', ['get', 'name'], ...[...known()].flatMap(([name, code]) => [name, own.of(code) ?? name]), ['get', 'name']];
}
