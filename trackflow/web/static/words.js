// The words of the pages in the reader's language. An English sentence is its own key, as in
// gettext: code reads as the page does, and what a dictionary lacks is shown in English.
//
// Values are put in by name ({device}); a sentence is never made of pieces, as other languages order
// them in other ways. Where one English word means several things, a context comes first, which
// nobody sees: 'countries|all'. What is read here is found by trackflow_tests/web/sentences.py, so
// sentences are always written out where `tr` and `plural` are called.

const { files } = globalThis.language;
const dictionary = Object.assign({}, ...await Promise.all(files.map(read)));
if (!Object.keys(dictionary).length) document.documentElement.lang = 'en';

export const LANGUAGE = document.documentElement.lang;

/** What Intl takes for numbers, dates, plurals and the order of names. */
export const LOCALE = LANGUAGE === 'en' ? 'en-GB' : LANGUAGE;

const rules = new Intl.PluralRules(LOCALE);
const number = new Intl.NumberFormat(LOCALE);

/** A dictionary; a page in English is better than none. */
async function read(file) {
  try {
    return (await import(file)).default;
  } catch (error) {
    console.debug('words:', error.message);
    globalThis.starting?.lost({ isUsable: true });
    return {};
  }
}

const withoutContext = (sentence) => sentence.slice(sentence.lastIndexOf('|') + 1);

const RIGHT_TO_LEFT = /[\u0590-\u08ff\ufb1d-\ufdff\ufe70-\ufefc\u202a-\u202e\u2066-\u2069]/;

/** A name that stands between other words: one from right to left is kept from turning them around. */
export const isolated = (name) => (RIGHT_TO_LEFT.test(name) && !name.startsWith('\u2068') ? `\u2068${name}\u2069` : name);

const isolatedValue = (value) => (typeof value === 'string' ? isolated(value) : value);

/** Put values in place of their names. Elements among them make it a list of children for `el`. */
function filled(sentence, values = {}) {
  const pieces = sentence.split(/\{(\w+)\}/).map((piece, k) => (k % 2 ? isolatedValue(values[piece] ?? '') : piece));
  return pieces.some((piece) => typeof piece === 'object') ? pieces.filter((piece) => piece !== '') : pieces.join('');
}

/** A sentence in the reader's language. */
export const tr = (sentence, values) => filled(dictionary[sentence] ?? withoutContext(sentence), values);

/** A sentence with a number: how it is for one and for many in English; {n} is the number. */
export function plural(one, many, n, values) {
  const forms = dictionary[one] ?? { one, other: many };
  const sentence = forms[rules.select(n)] ?? forms.other;
  return filled(withoutContext(sentence), { n: number.format(n), ...values });
}

// ---- what stands in the page from the beginning ----------------------------------------------

const ATTRIBUTES = ['aria-label', 'title', 'placeholder', 'alt', 'label'];
const LEFT_ALONE = '[translate=no], code, pre, script, style, noscript, svg';

const collapsed = (text) => text.replace(/\s+/g, ' ').trim();

/** The children between the first and the last text of an element; empty if it has no text of its own. */
function sentenceOf(element) {
  const children = [...element.childNodes].filter((child) => child.nodeType !== Node.COMMENT_NODE);
  const isText = (child) => child.nodeType === Node.TEXT_NODE && child.data.trim() !== '';
  return children.slice(children.findIndex(isText), children.findLastIndex(isText) + 1).filter(() => children.some(isText));
}

/** Translate an element's own text; elements within it are values, named by their tags. */
function translateText(element) {
  const nodes = sentenceOf(element);
  if (!nodes.length) return;
  const values = {};
  const sentence = nodes.map((node) => {
    if (node.nodeType === Node.TEXT_NODE) return node.data;
    values[node.localName] = node;
    return `{${node.localName}}`;
  }).join('');
  const [, before, after] = /^(\s*)[^]*?(\s*)$/.exec(sentence);
  nodes.at(-1).after(before, ...[tr(collapsed(sentence), values)].flat(), after);
  for (const node of nodes) if (node.nodeType === Node.TEXT_NODE) node.remove();
}

function translatePage() {
  for (const element of document.querySelectorAll('title, body, body *')) {
    if (element.closest(LEFT_ALONE)) continue;
    for (const name of ATTRIBUTES) if (element.hasAttribute(name)) element.setAttribute(name, tr(element.getAttribute(name)));
    translateText(element);
  }
  document.documentElement.classList.remove('untranslated');
}

if (files.length) translatePage();
