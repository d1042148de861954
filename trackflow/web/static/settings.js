// What a page has to know first: the zone of its times, and what its reader may do.

import { get } from './api.js';
import { byId } from './dom.js';
import { setStated } from './zones.js';

/** Ask for it. From then on times are in the store's zone, and whoever has signed in can sign out. */
export async function readSettings() {
  const { data } = await get('/api/v1/page');
  setStated(data.time_zone);
  byId('sign-out').hidden = !data.by_cookie;
  return { ...data, mayChange: data.scope === 'admin' };
}
