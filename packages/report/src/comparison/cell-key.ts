/** A key for maps: a place in a table, and the protocol if one is given. */
export function cellKey(place: {
  readonly table: string;
  readonly row: string;
  readonly column: string;
  readonly protocol?: string;
}): string {
  return JSON.stringify([place.table, place.row, place.column, place.protocol]);
}
