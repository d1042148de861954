// Says so if a page cannot begin, as a file of it does not arrive or cannot run, and loads it anew.
// A plain script in the head: what is missing may be any module, or all of them.
{
  const WAITS_S = [2, 5, 15, 60]; // a connection that broke, a proxy that restarts; after them a person decides
  const SILENCE_MS = 60000; // as proxies have it: what has not come by then does not come
  const KEY = 'trackflow-loaded-again';
  const SENTENCES = {
    en: { short: 'Not loaded', lost: 'This page could not be loaded whole.', again: 'It is loaded again by itself.', button: 'Load it now' },
    de: { short: 'Nicht geladen', lost: 'Diese Seite konnte nicht ganz geladen werden.', again: 'Sie wird von selbst noch einmal geladen.', button: 'Jetzt laden' },
  };

  let isThere = false;
  let isLost = false;
  let silence = 0;

  /** How often this tab has loaded a page anew in vain; null where browsers forbid to keep it. */
  const triesSoFar = () => {
    try {
      return Number(sessionStorage.getItem(KEY));
    } catch {
      return null;
    }
  };

  const load = (tries) => {
    try {
      sessionStorage.setItem(KEY, tries);
    } catch {
      // nothing counts, and so nothing but a person loads it again
    }
    location.reload();
  };

  const say = (isLoadedAgain) => {
    const { lang } = document.documentElement;
    const words = SENTENCES[lang] ?? SENTENCES.en;
    const make = (tag, properties) => Object.assign(document.createElement(tag), properties);
    const button = make('button', { type: 'button', className: 'plain', textContent: words.button });
    button.addEventListener('click', () => load(0));
    const box = make('div', { id: 'lost', className: 'notice lost', role: 'alert', lang });
    box.append(make('span', { textContent: `${words.lost} ${isLoadedAgain ? words.again : ''} ` }), button);
    document.body.prepend(box);
    document.querySelector('#chip .words')?.replaceChildren(words.short);
    document.documentElement.classList.remove('untranslated');
    // nothing is painted before style sheets are there
    for (const link of document.querySelectorAll('link[rel=stylesheet]')) if (!link.sheet) link.remove();
  };

  /** A file of the page is missing. `isUsable`: it works without, so it goes from under nobody's hands but once, at once. */
  const lost = ({ isUsable = false } = {}) => {
    if (isLost) return;
    isLost = true;
    clearTimeout(silence);
    const tries = triesSoFar();
    const wait = tries === null || (isUsable && tries > 0) ? undefined : WAITS_S[tries];
    const told = () => say(wait !== undefined);
    if (document.readyState === 'loading') document.addEventListener('readystatechange', told, { once: true });
    else told();
    if (wait !== undefined) setTimeout(load, wait * 1000, tries + 1);
  };

  /** Something has arrived: the rest may still come. */
  const wait = () => {
    clearTimeout(silence);
    if (!isThere && !isLost) silence = setTimeout(lost, SILENCE_MS);
  };
  const arrivals = new PerformanceObserver(wait);

  addEventListener('error', ({ target, filename }) => {
    if (isThere) return;
    const isFile = target instanceof HTMLScriptElement || (target instanceof HTMLLinkElement && target.rel === 'stylesheet');
    if (isFile || filename?.startsWith(location.origin)) lost(); // others' scripts, such as of extensions, are no part of the page
  }, true);

  globalThis.starting = {
    lost,
    /** All modules are there: from here on the page itself tells what is wrong. */
    isThere: () => {
      if (isThere) return;
      isThere = true;
      clearTimeout(silence);
      arrivals.disconnect();
      if (!isLost && triesSoFar()) sessionStorage.removeItem(KEY);
    },
  };
  arrivals.observe({ type: 'resource' });
  wait();
}
