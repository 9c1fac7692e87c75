import * as tf from '@tensorflow/tfjs';
import fc from 'fast-check';
import { describe, it } from 'vitest';
import { evaluate, expectClose, expectSameAsCpu, filled } from './testing/compare.js';

const special = [
  Number.NaN,
  Number.POSITIVE_INFINITY,
  Number.NEGATIVE_INFINITY,
  0,
  -0,
  1,
  -1,
  2.5,
  -2.5,
  0.5,
  1.5,
  100,
  -100,
];

/** Floats in a range where float32 implementations of transcendental functions agree. XLA takes denormal ones for zero. */
const numbers = (length: number, min = -4, max = 4) =>
  fc.array(
    fc.double({ min, max, noNaN: true }).map((x) => (Math.abs(x) < 1e-30 ? 0 : x)),
    { minLength: length, maxLength: length },
  );

/** Two shapes that broadcast together. */
const broadcasting = fc
  .tuple(fc.array(fc.integer({ min: 1, max: 4 }), { maxLength: 4 }), fc.nat(), fc.nat(), fc.nat(4))
  .map(([shape, maskA, maskB, drop]) => {
    const thin = (mask: number) => shape.map((n, i) => ((mask >> i) & 1 ? 1 : n));
    return [thin(maskA), thin(maskB & ~maskA).slice(Math.min(drop, shape.length))] as const;
  });

describe('elementwise', () => {
  const unary: Record<string, (x: tf.Tensor) => tf.Tensor> = {
    abs: tf.abs,
    acos: tf.acos,
    acosh: tf.acosh,
    asin: tf.asin,
    asinh: tf.asinh,
    atan: tf.atan,
    atanh: tf.atanh,
    ceil: tf.ceil,
    cos: tf.cos,
    cosh: tf.cosh,
    elu: tf.elu,
    erf: tf.erf,
    exp: tf.exp,
    expm1: tf.expm1,
    floor: tf.floor,
    isFinite: tf.isFinite,
    isInf: tf.isInf,
    isNaN: tf.isNaN,
    leakyRelu: (x: tf.Tensor) => tf.leakyRelu(x, 0.1),
    log: tf.log,
    log1p: tf.log1p,
    neg: tf.neg,
    reciprocal: tf.reciprocal,
    relu: tf.relu,
    relu6: tf.relu6,
    round: tf.round,
    rsqrt: tf.rsqrt,
    selu: tf.selu,
    sigmoid: tf.sigmoid,
    sign: tf.sign,
    sin: tf.sin,
    sinh: tf.sinh,
    softplus: tf.softplus,
    sqrt: tf.sqrt,
    square: tf.square,
    step: (x: tf.Tensor) => tf.step(x, 0.3),
    tan: tf.tan,
    tanh: tf.tanh,
    clip: (x: tf.Tensor) => tf.clipByValue(x, -1, 2),
    cast: (x: tf.Tensor) => x.mul(1).cast('bool'),
  }; // prettier-ignore

  it.each(Object.entries(unary))('%s', (_, op) => {
    fc.assert(
      fc.property(numbers(7), (values) => expectSameAsCpu(() => op(tf.tensor1d(values)), 5e-6)),
      { numRuns: 5 },
    );
  });

  const limits = [
    'abs',
    'relu',
    'relu6',
    'isNaN',
    'isInf',
    'isFinite',
    'sqrt',
    'exp',
    'sigmoid',
    'neg',
    'round',
    'step',
    'tanh',
  ] as const;
  it.each(limits)('%s of NaN, infinities and zeros', (name) => {
    expectSameAsCpu(() => unary[name](tf.tensor1d(special)));
  });

  const binary: Record<string, (a: tf.Tensor, b: tf.Tensor) => tf.Tensor> = {
    add: tf.add,
    sub: tf.sub,
    mul: tf.mul,
    div: tf.div,
    maximum: tf.maximum,
    minimum: tf.minimum,
    squaredDifference: tf.squaredDifference,
    mod: tf.mod,
    floorDiv: tf.floorDiv,
    atan2: tf.atan2,
    greater: tf.greater,
    greaterEqual: tf.greaterEqual,
    less: tf.less,
    lessEqual: tf.lessEqual,
    equal: tf.equal,
    notEqual: tf.notEqual,
    prelu: tf.prelu,
  }; // prettier-ignore

  it.each(Object.entries(binary))('%s, broadcast', (_, op) => {
    fc.assert(
      fc.property(broadcasting, ([a, b]) => expectSameAsCpu(() => op(filled(a), filled(b, 2)), 5e-6)),
      { numRuns: 8 },
    );
  });

  it.each(['add', 'sub', 'mul', 'maximum', 'minimum', 'greater', 'equal'] as const)(
    '%s of NaN and infinities',
    (name) => {
      const pairs = special.flatMap((a) => special.map((b) => [a, b]));
      expectSameAsCpu(() =>
        binary[name](tf.tensor1d(pairs.map(([a]) => a)), tf.tensor1d(pairs.map(([, b]) => b))),
      );
    },
  );

  it('integers against infinite limits, and their extremes', () => {
    const integers = () => tf.tensor2d([3, -7, 2 ** 31 - 1, 3, -(2 ** 31), 0], [2, 3], 'int32');
    expectSameAsCpu(() => tf.clipByValue(integers(), Number.NEGATIVE_INFINITY, 5));
    expectSameAsCpu(() => tf.clipByValue(integers(), -2, 1e10));
    for (const axis of [0, 1]) expectSameAsCpu(() => [integers().argMax(axis), integers().argMin(axis)]);
  });

  it('arithmetic of integers', () => {
    const a = () => tf.tensor1d([7, -7, 7, -7, 0, 6], 'int32');
    const b = () => tf.tensor1d([2, 2, -2, -2, 5, 3], 'int32');
    for (const op of [tf.add, tf.sub, tf.mul, tf.floorDiv, tf.mod, tf.maximum, tf.minimum]) {
      expectSameAsCpu(() => op(a(), b()) as tf.Tensor);
    }
    expectSameAsCpu(() => [
      tf.round(a()),
      tf.sign(a()),
      tf.abs(a()),
      tf.square(a()),
      a().sum(),
      a().mean(),
      a().max(),
    ]);
  });

  it('powers', () => {
    expectSameAsCpu(() => tf.pow(tf.tensor1d([0.5, 2, 3, -2]), tf.tensor1d([2, 0.5, -1, 3])));
    expectSameAsCpu(() => tf.pow(tf.tensor1d([2, -3, 2, -1], 'int32'), tf.tensor1d([3, 2, -1, -1], 'int32')));
  });

  it('selection by condition, also of rows', () => {
    const c = () => tf.tensor1d([1, 0, 1], 'bool');
    expectSameAsCpu(() => tf.where(c(), tf.tensor1d([1, 2, 3]), tf.tensor1d([4, 5, 6])));
    expectSameAsCpu(() => tf.where(c().reshape([3, 1]), filled([3, 2]), filled([3, 2], 1)));
    expectSameAsCpu(() => [
      tf.logicalAnd(c(), c()),
      tf.logicalNot(c()),
      tf.logicalOr(c(), c()),
      tf.logicalXor(c(), c()),
    ]);
  });
});

describe('reductions', () => {
  const shapes = fc.array(fc.integer({ min: 1, max: 4 }), { minLength: 1, maxLength: 4 });
  const axes = fc.tuple(shapes, fc.nat(), fc.boolean());

  it.each([
    ['sum', tf.sum],
    ['mean', tf.mean],
    ['prod', tf.prod],
    ['max', tf.max],
    ['min', tf.min],
    ['logSumExp', tf.logSumExp],
  ] as const)('%s', (_, op) => {
    fc.assert(
      fc.property(axes, ([shape, mask, keep]) => {
        const chosen = shape.flatMap((_, i) => ((mask >> i) & 1 ? [i] : []));
        expectSameAsCpu(
          () => op(filled(shape), chosen.length === 0 ? undefined : chosen, keep) as tf.Tensor,
          5e-6,
        );
      }),
      { numRuns: 8 },
    );
  });

  it('of booleans, prefixes and positions', () => {
    expectSameAsCpu(() => {
      const b = tf.tensor2d(
        [
          [1, 0, 1],
          [1, 1, 1],
        ],
        [2, 3],
        'bool',
      ); // prettier-ignore
      return [
        tf.all(b, 1),
        tf.any(b, 0),
        tf.sum(b, 1),
        tf.argMax(filled([3, 4]), 1),
        tf.argMin(filled([3, 4]), 0),
      ];
    });
    for (const [exclusive, reverse] of [
      [false, false],
      [true, false],
      [false, true],
      [true, true],
    ]) {
      expectSameAsCpu(() => [
        tf.cumsum(filled([3, 5]), 1, exclusive, reverse),
        tf.cumsum(filled([1, 3]), 0, exclusive, reverse),
        tf.cumprod(filled([3, 5]), 0, exclusive, reverse),
      ]);
    } // prettier-ignore
  });
});

describe('linear algebra', () => {
  it('matMul with broadcast batches and transposes', () => {
    const batch = fc.array(fc.integer({ min: 1, max: 3 }), { maxLength: 3 });
    fc.assert(
      fc.property(batch, fc.nat(), fc.nat(), fc.boolean(), fc.boolean(), (dims, maskA, maskB, ta, tb) => {
        const thin = (mask: number) => dims.map((n, i) => ((mask >> i) & 1 ? 1 : n));
        const x = () => filled([...thin(maskA), ...(ta ? [4, 2] : [2, 4])]);
        const y = () => filled([...thin(maskB & ~maskA), ...(tb ? [3, 4] : [4, 3])], 1);
        // tfjs's own kernel pairs the wrong matrices when an inner batch dimension is broadcast: broadcast before.
        const whole = (z: tf.Tensor) => tf.broadcastTo(z, [...dims, ...z.shape.slice(-2)]);
        const expected = evaluate('cpu', () => tf.matMul(whole(x()), whole(y()), ta, tb));
        expectClose(
          evaluate('xla', () => tf.matMul(x(), y(), ta, tb)),
          expected,
          5e-6,
        );
      }),
      { numRuns: 25 },
    );
  });

  it('fused matMul', () => {
    for (const activation of ['linear', 'relu', 'elu', 'sigmoid', 'relu6', 'leakyrelu'] as const) {
      expectSameAsCpu(() =>
        tf.fused.matMul({
          a: filled([3, 4]),
          b: filled([4, 2], 1),
          bias: filled([2], 2),
          activation,
          leakyreluAlpha: 0.3,
        }),
      );
    }
  });

  it('einsum', () => {
    for (const [equation, ...shapes] of [
      ['ij,jk->ik', [2, 3], [3, 4]],
      ['bhnp,hns->bhps', [2, 3, 4, 5], [3, 4, 2]],
      ['ij->ji', [2, 3]],
      ['ij->i', [2, 3]],
      ['bij,bij->b', [2, 3, 2], [2, 3, 2]],
      ['i,j->ij', [2], [3]],
    ] as [string, ...number[][]][]) {
      expectSameAsCpu(() => tf.einsum(equation, ...shapes.map((shape, i) => filled(shape, i))));
    }
  });
});

describe('shapes', () => {
  it('slices, joins, pads and turns like tfjs', () => {
    expectSameAsCpu(() => {
      const x = filled([3, 4, 2]);
      return [
        x.transpose([2, 0, 1]),
        x.tile([2, 1, 3]),
        x.slice([1, 0, 0], [2, 3, 1]),
        x.reverse([0, 2]),
        x.pad(
          [
            [1, 0],
            [0, 2],
            [1, 1],
          ],
          7,
        ),
        tf.concat([x, x], -1),
        tf.stack([x, x], 1),
        ...tf.unstack(x, 1),
        ...tf.split(x, [1, 3], 1),
        ...tf.split(x, 1, 0),
        x.stridedSlice([0, 3, 0], [3, -5, 2], [2, -1, 1]),
        tf.broadcastTo(filled([4, 1]), [3, 4, 2]),
        x.expandDims(-1),
        x.squeeze(),
        x.flatten(),
        tf.oneHot(tf.tensor1d([0, 2, 5, -1], 'int32'), 4),
        tf.range(0, 5, 2),
        tf.linspace(0, 1, 4),
        tf.zerosLike(x),
        tf.onesLike(x),
        tf.fill([2, 2], 3.5),
      ]; // prettier-ignore
    });
  });

  it('of size zero', () => {
    expectSameAsCpu(() => [
      tf.concat([tf.tensor2d([], [0, 3]), filled([2, 3])], 0),
      tf.zeros([0, 3]).add(1),
      tf.zeros([0, 3]).sum(),
      filled([3, 2]).slice([0, 0], [0, 2]),
    ]);
  });
});

describe('gather and scatter', () => {
  it('like tfjs, with batches', () => {
    expectSameAsCpu(() => [
      tf.gather(filled([4, 3]), tf.tensor1d([3, 0, 0], 'int32')),
      tf.gather(
        filled([2, 4, 3]),
        tf.tensor2d(
          [
            [1, 0],
            [2, 2],
          ],
          [2, 2],
          'int32',
        ),
        1,
      ),
      tf.gather(
        filled([2, 4, 3]),
        tf.tensor2d(
          [
            [1, 0],
            [2, 2],
          ],
          [2, 2],
          'int32',
        ),
        1,
        1,
      ),
      tf.gatherND(
        filled([4, 3]),
        tf.tensor2d(
          [
            [0, 1],
            [3, 2],
          ],
          [2, 2],
          'int32',
        ),
      ),
      tf.scatterND(tf.tensor2d([[1], [3], [1]], [3, 1], 'int32'), filled([3, 2]), [4, 2]),
      tf.unsortedSegmentSum(filled([4, 2]), tf.tensor1d([1, 0, 1, 2], 'int32'), 3),
    ]); // prettier-ignore
  });
});

describe('gradients', () => {
  const cases: [string, (x: tf.Tensor) => tf.Tensor, number[]][] = [
    ['softmax', (x) => tf.softmax(x).square(), [3, 4]],
    ['logSoftmax', (x) => tf.logSoftmax(x).square(), [3, 4]],
    ['gelu', (x) => x.mul(0.5).mul(tf.erf(x.mul(Math.SQRT1_2)).add(1)), [3, 4]],
    ['norm', (x) => x.div(tf.maximum(x.square().sum(-1, true).sqrt(), 1e-12)), [3, 4]],
    ['matMul', (x) => tf.matMul(x, x, false, true), [2, 3, 4]],
    ['moments', (x) => tf.moments(x, -1).variance, [3, 4]],
    ['gather', (x) => tf.gather(x, tf.tensor1d([2, 0, 2], 'int32')).square(), [3, 4]],
    ['concat and slice', (x) => tf.concat([x.slice([0, 1], [3, 2]), x], 1).square(), [3, 4]],
    ['max', (x) => x.max(1).square(), [3, 4]],
    ['cumsum', (x) => x.cumsum(1).square(), [3, 4]],
    ['tile and transpose', (x) => x.tile([2, 1]).transpose().square(), [3, 4]],
    [
      'activations',
      (x) => tf.elu(x).add(tf.selu(x)).add(tf.softplus(x)).add(tf.relu6(x)).add(tf.leakyRelu(x)),
      [3, 4],
    ],
    [
      'batch normalisation',
      (x) => tf.batchNorm(x, x.mean(0), tf.moments(x, 0).variance, [1, 2, 3, 4], [4, 3, 2, 1]),
      [3, 4],
    ],
  ];
  it.each(cases)('%s', (_, fn, shape) => {
    expectSameAsCpu(() => tf.grad((x: tf.Tensor) => fn(x).sum())(filled(shape)), 1e-5);
  });
});
