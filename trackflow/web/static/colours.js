// Colours that stay apart for colour-blind eyes too, one set for each theme.

export const dark = matchMedia('(prefers-color-scheme: dark)');

const DEVICES = {
  light: ['#0b6bb5', '#d4500a', '#07896b', '#b03a86', '#a87600', '#2f9bd8', '#6b4fc4', '#8a5a3c', '#5b7f12', '#c92f4e'],
  dark: ['#58aef2', '#ff9050', '#35cda0', '#ef8cc6', '#f2c542', '#96d8ff', '#b09bff', '#d3a67f', '#abd65c', '#ff8292'],
};

const MODES = {
  light: { driving: '#0b6bb5', bus: '#6b4fc4', cycling: '#07896b', walking: '#d4500a', running: '#c92f4e', tram: '#b03a86', train: '#8a5a3c', subway: '#a87600', boat: '#2f9bd8', flying: '#5b7f12', other: '#6b7280' },
  dark: { driving: '#58aef2', bus: '#b09bff', cycling: '#35cda0', walking: '#ff9050', running: '#ff8292', tram: '#ef8cc6', train: '#d3a67f', subway: '#f2c542', boat: '#96d8ff', flying: '#abd65c', other: '#9aa4b2' },
};

const CATEGORIES = {
  light: { business: '#0b6bb5', private: '#d4500a', commute: '#07896b', race: '#b03a86', other: '#6b7280' },
  dark: { business: '#58aef2', private: '#ff9050', commute: '#35cda0', race: '#ef8cc6', other: '#9aa4b2' },
};

const MAPS = {
  light: {
    background: '#f0efea',
    halo: '#ffffff', ink: '#1b2430', chip: '#ffffff', selected: '#111820', stop: '#ffffff', visit: '#b07400', raw: '#111820',
    heat: ['#8cb8e0', '#3a6fd0', '#a02890', '#d4300a'],
  },
  dark: {
    background: '#12161c',
    halo: '#0c1015', ink: '#eef2f6', chip: '#1d242d', selected: '#ffffff', stop: '#12161c', visit: '#ffc94d', raw: '#ffffff',
    heat: ['#244a7c', '#2f9bd8', '#f2c542', '#fff4d0'],
  },
};

const theme = () => (dark.matches ? 'dark' : 'light');

let devices = new Map();

/** Take over the colours of all devices: a chosen one, or one by the ordinal, which never changes. */
export function assign(found) {
  devices = new Map(found.map((device) => [device.device_id, device]));
}

export function ofDevice(id) {
  const { colour, ordinal = 0 } = devices.get(id) ?? {};
  return colour ?? DEVICES[theme()][ordinal] ?? further(ordinal);
}

const GOLDEN_DEG = 137.508; // the next hue is as far as possible from all before it
const LIGHTNESS = { light: [34, 46, 27], dark: [74, 62, 84] };

/** Colours beyond those of the table: no two neighbours look alike. */
function further(ordinal) {
  const light = LIGHTNESS[theme()];
  return `hsl(${Math.round((ordinal * GOLDEN_DEG) % 360)}, ${ordinal % 2 ? 62 : 88}%, ${light[ordinal % light.length]}%)`;
}

const of = (colours, name) => (Object.hasOwn(colours, name) ? colours[name] : colours.other);

/** A map expression with the colour of each track by a property of its tile. */
export function colourExpression(by) {
  const found = by === 'mode' ? Object.entries(MODES[theme()]) : by === 'category' ? Object.entries(CATEGORIES[theme()]) : [...devices.keys()].map((id) => [id, ofDevice(id)]);
  const property = { mode: 'travel_mode', category: 'category' }[by] ?? 'device_id';
  const other = MODES[theme()].other;
  return found.length ? ['match', ['get', property], ...found.flat(), other] : other;
}

export const ofMode = (mode) => of(MODES[theme()], mode);

export const ofCategory = (category) => of(CATEGORIES[theme()], category);

export const ofMap = () => MAPS[theme()];
