// Where the circles of the group's picture stand. Pure geometry: the Active above, the others on a shallow arc below it;
// when nobody is Active, all stand on the arc and the place above is empty.
export interface Point {
  x: number;
  y: number;
}

export const WIDTH = 520;
export const HEIGHT = 226;
export const TOP: Point = { x: WIDTH / 2, y: 64 };
const ARC_Y = 150;
const ARC_DEPTH = 22;

/** Evenly from left to right, the middle a little lower than the ends. */
function onArc(index: number, of: number): Point {
  const along = (index + 0.5) / of;
  const sag = 1 - (2 * along - 1) ** 2;
  return { x: Math.round(WIDTH * along), y: Math.round(ARC_Y + ARC_DEPTH * sag) };
}

export function placesOf(ids: number[], active: number | undefined): Map<number, Point> {
  const others = ids.filter((id) => id !== active);
  const places = new Map(others.map((id, index) => [id, onArc(index, others.length)]));
  if (active !== undefined && ids.includes(active)) places.set(active, TOP);
  return places;
}
