// Where the circles of the group's picture stand. Pure geometry: the Active in the middle, the others on an arc around
// it; when nobody is Active, all on the ring and the middle is empty.
export interface Point {
  x: number;
  y: number;
}

export const WIDTH = 520;
export const HEIGHT = 236;
const CENTRE: Point = { x: WIDTH / 2, y: 92 };
const RADIUS_X = 190;
const RADIUS_Y = 84;

/** Evenly from left to right below the middle, or around it when there are more than four. */
function onArc(index: number, of: number): Point {
  const full = of > 4;
  const step = full ? (2 * Math.PI) / of : Math.PI / (of + 1);
  const angle = full ? Math.PI / 2 + index * step : Math.PI - (index + 1) * step;
  return {
    x: Math.round(CENTRE.x + RADIUS_X * Math.cos(angle)),
    y: Math.round(CENTRE.y + RADIUS_Y * Math.sin(angle)),
  };
}

export function placesOf(ids: number[], active: number | undefined): Map<number, Point> {
  const others = ids.filter((id) => id !== active);
  const places = new Map(others.map((id, index) => [id, onArc(index, others.length)]));
  if (active !== undefined && ids.includes(active))
    places.set(active, { ...CENTRE, y: others.length > 4 ? CENTRE.y : 60 });
  return places;
}
