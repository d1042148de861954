// What MapLibre's own buttons say.

import { tr } from './words.js';

/** MapLibre's `locale`; `title` says what the map is, for those who do not see it. */
export const mapWords = (title) => ({
  'Map.Title': title,
  'AttributionControl.ToggleAttribution': tr('Sources of the map'),
  'NavigationControl.ZoomIn': tr('Zoom in'),
  'NavigationControl.ZoomOut': tr('Zoom out'),
  'Popup.Close': tr('Close'),
  'CooperativeGesturesHandler.WindowsHelpText': tr('Ctrl and scrolling zoom the map'),
  'CooperativeGesturesHandler.MacHelpText': tr('⌘ and scrolling zoom the map'),
  'CooperativeGesturesHandler.MobileHelpText': tr('Two fingers move the map'),
});
