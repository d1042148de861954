// Making elements. Text from data is only ever set as text, never as HTML.

import { FIRST_DAY, LAST_DAY } from './periods.js';

/**
 * An element with properties and children.
 * Properties: `class`, `on` (listeners by event), `style` (an object), `data` (dataset), any
 * attribute by name; true makes an empty attribute, false and null leave it out (`aria-`: as said).
 */
export function el(tag, properties = {}, ...children) {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(properties)) {
    if (value === null || value === undefined) continue;
    if (name.startsWith('aria-')) made.setAttribute(name, String(value));
    else if (value === false) continue;
    else if (name === 'class') made.className = value;
    else if (name === 'on') {
      for (const [event, listener] of Object.entries(value)) made.addEventListener(event, listener);
    } else if (name === 'style') {
      for (const [key, rule] of Object.entries(value)) made.style.setProperty(key, rule);
    } else if (name === 'data') Object.assign(made.dataset, value);
    else made.setAttribute(name, value === true ? '' : String(value));
  }
  made.append(...children.flat(3).filter((child) => child !== null && child !== undefined && child !== false));
  return made;
}

export const byId = (id) => document.getElementById(id);

/** Give the focus to what bears a `data-key`; whether there is such a thing. */
export function focusOn(key, within = document) {
  const same = key !== undefined && [...within.querySelectorAll('[data-key]')].find((one) => one.dataset.key === key);
  if (same) same.focus({ preventScroll: true });
  return Boolean(same);
}

/**
 * Put new children in place of the old ones. A child with a `data-key` that has the focus keeps it; if it is
 * gone, what came in its place gets the focus: on the body, the Tab key would begin at the top of the page.
 * Where it is disabled for a while, such as a button of what is under way, the part around it keeps it so long.
 */
export function fill(parent, ...children) {
  const focused = parent.contains(document.activeElement) ? document.activeElement : null;
  const at = focused ? buttonsOf(parent).indexOf(focused) : -1;
  const top = parent.scrollTop;
  parent.replaceChildren(...children.flat(3).filter(Boolean));
  parent.scrollTop = top;
  if (!focused) return;
  const key = focused.dataset.key ?? focused.dataset.waitsFor;
  delete focused.dataset.waitsFor;
  if (focusOn(key, parent)) {
    const around = parent.closest('[tabindex]');
    if (!around || document.activeElement.dataset.key === key) return;
    around.dataset.waitsFor = key;
    around.focus({ preventScroll: true });
    return;
  }
  if (at < 0) return;
  const buttons = buttonsOf(parent);
  (buttons[Math.min(at, buttons.length - 1)] ?? parent.closest('[tabindex]'))?.focus({ preventScroll: true });
}

/**
 * The same, but for forms in which somebody writes: those stay, where the new ones bear the same
 * `data-form`. `sent`: the form that has just been sent, which is done with.
 */
export function fillAround(parent, sent, ...children) {
  const kept = [...parent.querySelectorAll('form[data-form]')].filter((form) => form !== sent && (form.matches('.touched') || isWriting(form)));
  const focused = parent.contains(document.activeElement) ? document.activeElement : null;
  fill(parent, ...children);
  for (const form of kept) [...parent.querySelectorAll('form[data-form]')].find((one) => one.dataset.form === form.dataset.form)?.replaceWith(form);
  if (focused?.isConnected) focused.focus({ preventScroll: true });
}

const buttonsOf = (parent) => [...parent.querySelectorAll('button:not(:disabled), a[href], summary')];

let spoken = '';

/** Say something to those who listen to the page instead of seeing it; the same thing only once. */
export function announce(text) {
  if (text === spoken) return;
  spoken = text;
  byId('spoken').textContent = text;
}

/** Mark a form that somebody has begun to fill: it is not drawn anew until it is sent. */
export const touch = (event) => event.target.form?.classList.add('touched');

/** For the `input` event of a form that asks for a time: that it ends before it begins, the browser says by itself. */
export function keepOrder({ target }) {
  const { from, to, until } = target.form.elements;
  if (from) (to ?? until).min = from.value;
}

/** Whether somebody writes in a part of the page: drawn anew, its form would be empty. */
export const isWriting = (box) => Boolean(box.querySelector('.touched, input:focus, textarea:focus'));

const IN_SIGHT_MS = 6000;

/** Say that something is done: aloud, and for some seconds in sight. */
export function tell(text) {
  spoken = ''; // the same once more is news
  announce(text);
  byId('told')?.remove();
  const shown = el('p', { id: 'told', class: 'notice', 'aria-hidden': true }, text);
  document.body.append(shown);
  setTimeout(() => shown.remove(), IN_SIGHT_MS);
}

/**
 * Arrow keys, Home and End move within a list of elements; one of them is in the tab order.
 * `orientation`: 'vertical' or 'horizontal'.
 */
export function roving(list, selector, orientation = 'vertical') {
  const [back, forth] = orientation === 'vertical' ? ['ArrowUp', 'ArrowDown'] : ['ArrowLeft', 'ArrowRight'];
  list.addEventListener('keydown', (event) => {
    const items = [...list.querySelectorAll(selector)];
    const at = items.indexOf(event.target.closest(selector));
    if (at < 0) return;
    const to = { [back]: at - 1, [forth]: at + 1, Home: 0, End: items.length - 1 }[event.key];
    if (to === undefined) return;
    event.preventDefault();
    items[Math.max(0, Math.min(items.length - 1, to))].focus();
  });
  list.addEventListener('focusin', (event) => {
    const item = event.target.closest(selector);
    if (item) for (const other of list.querySelectorAll(selector)) other.tabIndex = other === item ? 0 : -1;
  });
}

/** Put exactly one of the elements into the tab order. */
export function oneInTabOrder(items, chosen) {
  const first = chosen ?? items[0];
  for (const item of items) item.tabIndex = item === first ? 0 : -1;
}

/** A text with a large first letter, if it begins with a word: the server's sentences stand behind others in its logs. */
export const capital = (text) => text?.replace(/^(?!trackflow\b)[a-z]+(?=[ ,])/, (word) => word[0].toUpperCase() + word.slice(1));

/** A text as the argument of a command, behind its options, as the server writes it: ids have spaces, quotes and dashes. */
export const lastForShell = (text) => (text.startsWith('-') ? '-- ' : '') + (/^[\w@%+=:,./-]+$/.test(text) ? text : `'${text.replaceAll("'", `'"'"'`)}'`);

/** A text of the server as children of an element: its commands stand between backticks. */
export const withCommands = (text) => text.split(/`((?:'[^']*'|[^`'])+)`/).map((part, k) => (k % 2 ? el('code', {}, part) : part));

/** What the server says in sentences of its own, which are English on every page. */
export const english = (text) => text && el('span', { lang: 'en' }, withCommands(text));

/** An empty state: what is the matter, and what to do. */
export function empty(title, ...advice) {
  return el('div', { class: 'empty' }, el('p', { class: 'strong' }, title), advice.map((line) => el('p', {}, line)));
}

const SETTLED_MS = 1500;

/**
 * Tell of a date or a month once it is chosen, or typed to its end: by Enter, by leaving the field, or
 * by a rest. While a year is typed, its first digits are a year already: `min` says that they are not meant.
 */
export function onDate(input, then) {
  let timer = null;
  let typing = false;
  const upTo = input.type === 'month' ? 7 : 10;
  input.min ||= FIRST_DAY.slice(0, upTo);
  input.max ||= LAST_DAY.slice(0, upTo);
  const tell = () => {
    clearTimeout(timer);
    if (!input.validity.valid || input.value === input.defaultValue) return;
    input.defaultValue = input.value; // to set the value itself would move the caret to its beginning
    then(input.value);
  };
  input.addEventListener('keydown', (event) => {
    typing = !['Enter', ' ', 'F4'].includes(event.key) && !event.altKey; // those open and close a calendar
    if (event.key === 'Enter') tell();
  });
  input.addEventListener('pointerdown', () => { typing = false; });
  input.addEventListener('change', () => {
    clearTimeout(timer);
    if (typing) timer = setTimeout(tell, SETTLED_MS);
    else tell();
  });
  input.addEventListener('blur', () => {
    tell();
    input.value = input.defaultValue; // what is no date, or not all of one
  });
}

/** Put a date into such a field. */
export function setDate(input, value) {
  input.defaultValue = value;
  input.value = value;
}

const widths = new WeakMap(); // of the places of tables, at the last look
const places = new ResizeObserver((found) => found.forEach(({ target }) => {
  const table = target.matches('table') ? target : target.querySelector('table.stacks');
  const box = table?.parentElement;
  if (!box?.clientWidth || widths.get(table) === box.clientWidth) return;
  widths.set(table, box.clientWidth);
  table.classList.remove('stacked');
  table.classList.toggle('stacked', table.offsetWidth > box.clientWidth);
  places.observe(box);
}));

/** A table whose cells lie one below the other, each with the name of its column, where its place is too narrow for it. */
export function stacks(table) {
  const names = [...table.tHead.rows[0].cells].map((cell) => cell.textContent);
  for (const row of table.tBodies[0].rows) [...row.cells].forEach((cell, k) => { cell.dataset.name = names[k]; });
  table.classList.add('stacks');
  places.observe(table);
  return table;
}
