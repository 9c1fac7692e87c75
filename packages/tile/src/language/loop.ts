import { append, currentBlock, writeBlock } from './build.js';
import { CallSite, misuse } from './caller.js';
import { constant } from './constant.js';
import { visible } from './operands.js';
import { describe, sameShape } from './shape.js';
import { type Operand, Tile } from './tile.js';

/** How often a loop runs: `n` times with 0, 1, ... n - 1, or from a number up to, but without, another. */
export type Extent = Operand | { readonly from?: Operand; readonly to: Operand; readonly step?: Operand };

/** What a loop hands from one round to the next: a tile, or tiles in arrays and objects. */
export type Carried = Tile | readonly Carried[] | { readonly [name: string]: Carried };

/**
 * Runs `body` for each index. The trip count may be a number or an int32 scalar of the kernel.
 *
 * ```ts
 * const sum = loop(8, zeros([64]), (i, sum) => sum.add(x.load(i.mul(64).add(arange(64)))));
 * ```
 *
 * @param initial what the first round begins with
 * @param body from the index, an int32 scalar, and what the round before gave, to what the next one gets: the same types and shapes
 * @returns what the last round gave
 */
export function loop<T extends Carried>(extent: Extent, initial: T, body: (index: Tile, carried: T) => T): T;
/** Runs `body`, which stores what it finds and carries nothing, for each index. */
export function loop(extent: Extent, body: (index: Tile) => void): void;
export function loop(
  extent: Extent,
  ...rest: [Carried, (index: Tile, carried: Carried) => Carried] | [(index: Tile) => void]
): Carried | undefined {
  const [initial, run] = rest.length === 2 ? rest : ([[], carryingNothing(rest[0])] as const);
  checkBody(run);
  const [from, to, step] = bounds(extent);
  const start = leaves(initial, 'carried');
  for (const { tile } of start) visible('loop', tile);
  const site = new CallSite();

  const outside = currentBlock('loop');
  const { block: body, made } = writeBlock(outside, () => {
    const here = currentBlock('loop');
    const index = new Tile('int32', [], here);
    const carried = start.map(({ tile }) => new Tile(tile.dtype, tile.shape, here));
    const given = run(index, rebuild(initial, carried));
    return { index, carried, next: match(start, leaves(given, 'carried')) };
  });
  const results = start.map(({ tile }) => new Tile(tile.dtype, tile.shape, outside));
  append({
    kind: 'loop',
    from: from.tile,
    to: to.tile,
    step: step.tile,
    ...trips(from.known, to.known, step.known),
    ...made,
    initial: start.map(({ tile }) => tile),
    results,
    body,
    site,
  });
  return rest.length === 2 ? rebuild(initial, results) : undefined;
}

function checkBody(body: unknown): void {
  if (typeof body !== 'function') {
    throw misuse('loop', `expected a function as the body, got ${String(body)}`);
  }
}

function carryingNothing(body: (index: Tile) => void): (index: Tile) => Carried {
  checkBody(body);
  return (index) => {
    body(index);
    return [];
  };
}

interface Bound {
  readonly tile: Tile;
  readonly known: number | undefined;
}

function bounds(extent: Extent): [Bound, Bound, Bound] {
  const isRange = typeof extent === 'object' && !(extent instanceof Tile);
  const { from = 0, to, step = 1 } = isRange ? extent : { to: extent };
  const known = typeof step === 'number' ? step : 1;
  if (known <= 0) throw misuse('loop', `the step must be 1 or more, got ${known}`);
  const bound = (name: string, value: Operand): Bound => {
    if (typeof value === 'number') {
      return { tile: constant(`loop: ${name}`, value, 'int32', []), known: value };
    }
    visible(`loop: ${name}`, value);
    if (value.dtype !== 'int32' || value.rank !== 0) {
      throw misuse(`loop: ${name}`, `expected a number or an int32 scalar, got ${describe(value)}`);
    }
    return { tile: value, known: undefined };
  };
  return [bound('from', from), bound('to', to), bound('step', step)];
}

function trips(from?: number, to?: number, step?: number): { trips?: number } {
  if (from === undefined || to === undefined || step === undefined) return {};
  return { trips: Math.max(0, Math.ceil((to - from) / step)) };
}

interface Leaf {
  readonly path: string;
  readonly tile: Tile;
}

function leaves(tree: Carried, path: string): Leaf[] {
  if (tree instanceof Tile) return [{ path, tile: tree }];
  if (Array.isArray(tree)) return tree.flatMap((item, i) => leaves(item as Carried, `${path}[${i}]`));
  if (typeof tree === 'object' && tree !== null) {
    return Object.entries(tree).flatMap(([name, item]) => leaves(item as Carried, `${path}.${name}`));
  }
  throw misuse('loop', `${path} must be a tile, or tiles in arrays and objects, got ${String(tree)}`);
}

/** The tree with other tiles for leaves. */
function rebuild(tree: Carried, tiles: readonly Tile[]): Carried {
  const rest = [...tiles];
  const copy = (node: Carried): Carried => {
    if (node instanceof Tile) return rest.shift() as Tile;
    if (Array.isArray(node)) return node.map(copy);
    return Object.fromEntries(Object.entries(node).map(([name, item]) => [name, copy(item as Carried)]));
  };
  return copy(tree);
}

/** What the body gives, in the order of what it got. @throws Error when one is missing, or is of another type or shape */
function match(expected: readonly Leaf[], given: readonly Leaf[]): Tile[] {
  const byPath = new Map(given.map(({ path, tile }) => [path, tile]));
  const unknown = given.find(({ path }) => !expected.some((leaf) => leaf.path === path));
  if (unknown !== undefined) {
    throw misuse('loop', `the body gives ${unknown.path}, which the loop does not begin with`);
  }
  return expected.map(({ path, tile }) => {
    const next = byPath.get(path);
    if (next === undefined) throw misuse('loop', `the body does not give ${path}, which the loop carries`);
    visible('loop', next);
    if (next.dtype !== tile.dtype || !sameShape(next.shape, tile.shape)) {
      throw misuse('loop', `${path} begins as ${describe(tile)}, the body gives ${describe(next)}`);
    }
    return next;
  });
}
