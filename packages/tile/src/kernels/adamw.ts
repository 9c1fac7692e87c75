import { flopsOf } from '../emit/flops.js';
import { type Launch, tileProgram } from '../emit/tile-program.js';
import { arange, programId, scalar } from '../language/create.js';
import { type Input, input, type Kernel, kernel, type Output, output } from '../language/kernel.js';
import type { InputPointer, OutputPointer } from '../language/pointer.js';
import { isPowerOfTwo, sizeOf } from '../language/shape.js';
import type { Tile } from '../language/tile.js';
import { where } from '../language/where.js';
import type { TileProgram } from '../program.js';
import { blocksOf, ofOwnArray } from './blocks.js';

/** What {@link adamw} is made for. */
export interface AdamWConfig {
  /** The shape of each weight, at most {@link mostAdamWWeights} of them. */
  readonly shapes: readonly (readonly number[])[];
  /** Elements for one program, a power of two. Default 1024. */
  readonly block?: number;
}

/**
 * How many weights one kernel takes. Each has seven addresses of 8 bytes, and CUDA passes 4 KiB to a kernel everywhere (more
 * since 12.1); a compiler may pass a few of its own.
 */
export const mostAdamWWeights = 64;

/** The scalars of a step, in their order in `rates`. */
export const adamWRates = ['fresh1', 'fresh2', 'stepSize', 'rootScale', 'offset', 'kept'] as const;

/** The arrays of {@link adamw}: those of weight i end in i. */
export type AdamWSignature = Readonly<Record<'rates' | AdamWInput, Input<'float32'>>> &
  Readonly<Record<AdamWOutput, Output<'float32'>>>;

type AdamWInput = `w${number}` | `g${number}` | `m${number}` | `v${number}`;
type AdamWOutput = `nextW${number}` | `nextM${number}` | `nextV${number}`;

/**
 * A step of Adam, AdamW or RAdam for all weights x at once, in place: decoupled weight decay and moving averages of the
 * gradient g and of its square.
 *
 *     m <- m + fresh1 (g - m),   v <- v + fresh2 (g^2 - v)
 *     x <- kept x - stepSize m / (rootScale sqrt(v) + offset)
 *
 * | array | type | shape |
 * |---|---|---|
 * | rates | float32 | [6]: fresh1 = 1 - beta1, fresh2 = 1 - beta2, stepSize, rootScale, offset, kept = 1 - lr weightDecay |
 * | w0, w1, … | float32 | each weight's own |
 * | g0, …; m0, …; v0, … | float32 | that of their weight |
 * | nextW0, …; nextM0, …; nextV0, … | float32 | that of their weight; in its launch the memory of w, m and v |
 *
 * Each program takes one block of one weight, which it finds by its number.
 *
 * Source: Loshchilov and Hutter, "Decoupled Weight Decay Regularization" (ICLR 2019).
 */
export function adamw(config: AdamWConfig): Kernel<AdamWSignature> {
  const { shapes, block } = checkAdamW('adamw', config);
  const sizes = shapes.map(sizeOf);
  const blocks = blocksOf(sizes, block);
  return kernel('adamw', signatureOf(shapes.length), (arrays) => {
    const program = programId();
    const chosen = ofOwnArray(blocks, program);
    const number = (of: readonly number[]): Tile => chosen<Tile>((i) => scalar(of[i], 'int32'), where);
    const read = (name: 'w' | 'g' | 'm' | 'v'): InputPointer =>
      chosen<InputPointer>((i) => arrays[`${name}${i}`], where);
    const made = (name: 'W' | 'M' | 'V'): OutputPointer =>
      chosen<OutputPointer>((i) => arrays[`next${name}${i}`], where);

    const at = program.sub(number(blocks.starts)).mul(block).add(arange(block));
    const mask = at.less(number(sizes));
    const [fresh1, fresh2, stepSize, rootScale, offset, kept] = adamWRates.map((_, i) =>
      arrays.rates.load(i),
    );
    const [w, g, m, v] = (['w', 'g', 'm', 'v'] as const).map((name) => read(name).load(at, { mask }));
    const first = m.add(g.sub(m).mul(fresh1));
    const second = v.add(g.mul(g).sub(v).mul(fresh2));
    const denominator = second.sqrt().mul(rootScale).add(offset);
    const change = first.div(denominator).mul(stepSize);
    made('W').store(at, w.mul(kept).sub(change), { mask });
    made('M').store(at, first, { mask });
    made('V').store(at, second, { mask });
  });
}

/** {@link adamw} with its launch: operands rates, all w, all g, all m, all v; results all w, all m, all v in their memory. */
export function adamwProgram(
  config: AdamWConfig,
  { numWarps = 4 }: Pick<Launch, 'numWarps'> = {},
): TileProgram {
  const { shapes, block } = checkAdamW('adamwProgram', config);
  const sizes = shapes.map(sizeOf);
  const made = adamw(config);
  const weights = shapes.map((_, i) => i);
  return tileProgram(made, {
    grid: blocksOf(sizes, block).programs,
    numWarps,
    shapes: Object.fromEntries(
      made.parameters.map(({ name }) => [
        name,
        name === 'rates' ? [adamWRates.length] : shapes[Number(/\d+$/.exec(name))],
      ]),
    ) as Launch<AdamWSignature>['shapes'],
    aliases: Object.fromEntries(
      ['w', 'm', 'v'].flatMap((name) => weights.map((i) => [`next${name.toUpperCase()}${i}`, `${name}${i}`])),
    ),
    // Every operation of floats is one of a block, of which the last of a weight may be cut.
    flops: ((flopsOf(made.body) as number) / block) * sizes.reduce((sum, size) => sum + size, 0),
  });
}

function signatureOf(weights: number): AdamWSignature {
  const all = <A>(names: readonly string[], array: A): [string, A][] =>
    names.flatMap((name) => Array.from({ length: weights }, (_, i): [string, A] => [`${name}${i}`, array]));
  return Object.fromEntries<Input<'float32'> | Output<'float32'>>([
    ['rates', input('float32')],
    ...all(['w', 'g', 'm', 'v'], input('float32')),
    ...all(['nextW', 'nextM', 'nextV'], output('float32')),
  ]) as AdamWSignature;
}

/** @throws Error that says what of it is wrong */
function checkAdamW(caller: string, { shapes, block = 1024 }: AdamWConfig): Required<AdamWConfig> {
  if (shapes.length < 1 || shapes.length > mostAdamWWeights) {
    throw new Error(
      `${caller}: shapes must be those of 1 to ${mostAdamWWeights} weights, got ${shapes.length}; make several kernels of more`,
    );
  }
  const empty = shapes.findIndex((shape) => !(sizeOf(shape) >= 1));
  if (empty !== -1) {
    throw new Error(
      `${caller}: a weight has 1 or more elements, but shapes[${empty}] is [${shapes[empty].join(', ')}]`,
    );
  }
  if (!isPowerOfTwo(block)) throw new Error(`${caller}: block must be a power of two, got ${block}`);
  return { shapes, block };
}
