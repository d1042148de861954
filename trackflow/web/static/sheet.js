// On a phone the panel is a sheet at the bottom: dragged, or opened by its handle.

import { byId } from './dom.js';
import { tr } from './words.js';

const STEPS = ['low', 'half', 'full'];
const narrow = matchMedia('(max-width: 700px)');

let step = 'half';

export const isSheet = () => narrow.matches;

export function setSheet(to) {
  step = to;
  document.body.dataset.sheet = to;
  const handle = byId('handle');
  handle.setAttribute('aria-expanded', String(to !== 'low'));
  handle.firstElementChild.textContent = to === 'full' ? tr('Show more of the map') : tr('Show more of the lists');
}

export const sheetStep = () => step;

/** What of the map the panels cover, with some air, in pixels. */
export function panelPadding() {
  if (isSheet()) {
    const covered = Math.max(byId('panel').offsetHeight, byId('details').offsetHeight);
    return { top: 24, left: 24, right: 24, bottom: Math.min(innerHeight * 0.72, covered + 20) };
  }
  const right = byId('details').hidden ? 48 : byId('details').offsetWidth + 40;
  return { top: 40, bottom: 48, left: byId('panel').offsetWidth + 48, right };
}

/** Wire the handle: a click goes one step up, and from the top to the bottom. */
export function wireSheet(onChange) {
  const handle = byId('handle');
  const panel = byId('panel');
  let from = null;
  let moved = false;
  setSheet('half');
  handle.addEventListener('click', () => {
    if (moved) return;
    setSheet(STEPS[(STEPS.indexOf(step) + 1) % STEPS.length]);
    onChange();
  });
  handle.addEventListener('pointerdown', (event) => {
    from = { y: event.clientY, height: panel.offsetHeight };
    moved = false;
    handle.setPointerCapture(event.pointerId);
  });
  handle.addEventListener('pointermove', (event) => {
    if (!from) return;
    const by = from.y - event.clientY;
    if (Math.abs(by) > 5) moved = true;
    if (moved) panel.style.setProperty('height', `${from.height + by}px`);
  });
  const drop = () => {
    if (!from) return;
    const share = panel.offsetHeight / innerHeight;
    panel.style.removeProperty('height');
    from = null;
    if (!moved) return;
    setSheet(share < 0.3 ? 'low' : share < 0.68 ? 'half' : 'full');
    onChange();
    setTimeout(() => { moved = false; }, 0);
  };
  handle.addEventListener('pointerup', drop);
  handle.addEventListener('pointercancel', drop);
}
