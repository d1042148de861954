// What the server's codes are called on the pages. A code that is not here is shown as it is.

import { tr } from './words.js';


const MODES = {
  still: tr('still'), walking: tr('walking'), running: tr('mode|running'), cycling: tr('cycling'), driving: tr('driving'),
  bus: tr('bus'), tram: tr('tram'), train: tr('train'), subway: tr('subway'), boat: tr('boat'), flying: tr('flying'),
};
const MODE_CLASSES = { foot: tr('on foot'), bicycle: tr('by bicycle'), road: tr('by road'), rail: tr('by rail') };
const CATEGORIES = { business: tr('business'), private: tr('private'), commute: tr('commute'), race: tr('race') };
const STATES = { queued: tr('waits to start'), running: tr('running'), completed: tr('done'), failed: tr('failed'), cancelled: tr('cancelled') };
const REFUSALS = {
  no_position: tr('no position'), not_a_number: tr('not a number'), out_of_range: tr('out of range'), null_island: tr('null island'),
  no_time: tr('no time'), bad_time: tr('bad time'), time_out_of_range: tr('time out of range'), no_device: tr('no device'),
  bad_device: tr('bad device'), ragged_row: tr('ragged row'), not_a_point: tr('not a point'), unreadable: tr('unreadable'),
  truncated: tr('truncated'), damaged: tr('damaged'), encrypted: tr('encrypted'), placeholder: tr('placeholder'), crowded: tr('crowded'),
};
const PLACES = { home: tr('home'), work: tr('place|work'), customer: tr('customer'), race_track: tr('race track'), other: tr('place|other') };
const TRIP_PARTS = { purpose: tr('Purpose'), partner: tr('Partner'), reason: tr('Reason'), name: tr('Name') };

const from = (words, code) => (Object.hasOwn(words, code ?? '') ? words[code] : code);

/** The travel modes that a person may choose. */
export const ALL_MODES = Object.keys(MODES);

/** The categories that are there from the beginning. */
export const ALL_CATEGORIES = Object.keys(CATEGORIES);

export const modeName = (mode) => from(MODES, mode);

/** What a leg is taken for before its mode is known. */
export const modeClassName = (found) => from(MODE_CLASSES, found);

/** A category; own ones of the rules are data. */
export const categoryName = (category) => from(CATEGORIES, category);

/** How far a job is. */
export const stateName = (state) => from(STATES, state);

/** Why an input was refused. */
export const refusalName = (reason) => from(REFUSALS, reason)?.replaceAll('_', ' ');

/** The kinds of places that a person may choose. */
export const PLACE_KINDS = Object.keys(PLACES);

export const placeKindName = (kind) => from(PLACES, kind);

/** What an input of a trip or a place asks for. */
export const partName = (part) => from(TRIP_PARTS, part);
