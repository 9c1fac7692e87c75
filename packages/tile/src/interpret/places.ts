/** For each element of a tile, where in the operand it comes from. */
function places(shape: readonly number[], stridesInOperand: readonly number[]): Int32Array {
  let found = Int32Array.of(0);
  for (const [axis, n] of shape.entries()) {
    const more = new Int32Array(found.length * n);
    for (let i = 0; i < more.length; i++) {
      more[i] = found[Math.floor(i / n)] + (i % n) * stridesInOperand[axis];
    }
    found = more;
  }
  return found;
}

function stridesOf(shape: readonly number[]): number[] {
  return shape.map((_, axis) => shape.slice(axis + 1).reduce((size, n) => size * n, 1));
}

/** Of a broadcast. */
export function broadcastPlaces(from: readonly number[], to: readonly number[]): Int32Array {
  const strides = stridesOf(from);
  // A scalar has no axes, hence no strides.
  return places(
    to,
    to.map((_, axis) => (from[axis] === 1 || from.length === 0 ? 0 : strides[axis])),
  );
}

/** Of a transpose. */
export function transposePlaces(from: readonly number[], order: readonly number[]): Int32Array {
  const strides = stridesOf(from);
  return places(
    order.map((axis) => from[axis]),
    order.map((axis) => strides[axis]),
  );
}
