// Bounds and small helpers for GeoJSON.

export const NOTHING = { type: 'FeatureCollection', features: [] };

export const collection = (features) => ({ type: 'FeatureCollection', features });

export const point = (longitude, latitude, properties) => ({
  type: 'Feature',
  geometry: { type: 'Point', coordinates: [longitude, latitude] },
  properties,
});

/** [west, south, east, north] of geometries, or null. */
export function boundsOf(geometries) {
  let west = Infinity;
  let south = Infinity;
  let east = -Infinity;
  let north = -Infinity;
  const visit = (value) => {
    if (typeof value[0] === 'number') {
      west = Math.min(west, value[0]);
      east = Math.max(east, value[0]);
      south = Math.min(south, value[1]);
      north = Math.max(north, value[1]);
    } else for (const inner of value) visit(inner);
  };
  for (const geometry of geometries) if (geometry?.coordinates?.length) visit(geometry.coordinates);
  return west <= east ? [west, south, east, north] : null;
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
