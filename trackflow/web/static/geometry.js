// Bounds and small helpers for GeoJSON.

export const NOTHING = { type: 'FeatureCollection', features: [] };

export const collection = (features) => ({ type: 'FeatureCollection', features });

export const point = (longitude, latitude, properties) => ({
  type: 'Feature',
  geometry: { type: 'Point', coordinates: [longitude, latitude] },
  properties,
});

/**
 * [west, south, east, north] of geometries, or null. East goes on beyond 180 degrees where the way
 * over the antimeridian is the shorter one.
 */
export function boundsOf(geometries) {
  let [west, east, south, north] = [Infinity, -Infinity, Infinity, -Infinity];
  let [westOn, eastOn] = [Infinity, -Infinity]; // with longitudes from 0 to 360
  const visit = (value) => {
    if (typeof value[0] === 'number') {
      const on = value[0] < 0 ? value[0] + 360 : value[0];
      west = Math.min(west, value[0]);
      east = Math.max(east, value[0]);
      westOn = Math.min(westOn, on);
      eastOn = Math.max(eastOn, on);
      south = Math.min(south, value[1]);
      north = Math.max(north, value[1]);
    } else for (const inner of value) visit(inner);
  };
  for (const geometry of geometries) if (geometry?.coordinates?.length) visit(geometry.coordinates);
  if (west > east) return null;
  return eastOn - westOn < east - west ? [westOn, south, eastOn, north] : [west, south, east, north];
}

/** The bounds of several bounds. */
export function union(boxes) {
  const known = boxes.filter((box) => box?.length === 4 && box.every(Number.isFinite));
  if (!known.length) return null;
  return [
    Math.min(...known.map((b) => b[0])),
    Math.min(...known.map((b) => b[1])),
    Math.max(...known.map((b) => b[2])),
    Math.max(...known.map((b) => b[3])),
  ];
}
