// The language of the page, known before anything is painted: the reader's choice, or the browser's.
// A plain script in the head, as modules run only once the page could have been seen in English.
{
  const NAMES = { en: 'English', de: 'Deutsch' };
  const KEY = 'trackflow-language';
  const root = document.documentElement;

  /** The stored choice; a browser that forbids storage has its own language. */
  const stored = () => {
    try {
      return localStorage.getItem(KEY);
    } catch {
      return null;
    }
  };

  /** Keep a choice, and draw the page anew with it: its address has all the rest. */
  const choose = (language) => {
    try {
      localStorage.setItem(KEY, language);
    } catch {
      return;
    }
    location.reload();
  };

  const wanted = [stored(), ...navigator.languages].map((one) => String(one).split('-')[0].toLowerCase());
  const language = wanted.find((one) => Object.hasOwn(NAMES, one)) ?? 'en';
  const files = language === 'en' ? [] : ['all', root.dataset.words].map((page) => new URL(`words-${language}-${page}.js`, document.currentScript.src).pathname);
  root.lang = language;
  globalThis.language = { names: NAMES, files, choose };
  if (files.length) {
    root.classList.add('untranslated'); // page.css hides it, words.js shows it again
    document.querySelector('link[rel=manifest]').href = `/static/trackflow-${language}.webmanifest`;
    for (const href of files) document.head.append(Object.assign(document.createElement('link'), { rel: 'modulepreload', href }));
  }
}
