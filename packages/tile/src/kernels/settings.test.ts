import { describe, expect, it } from 'vitest';
import {
  arange,
  dropout,
  embeddingGradientProgram,
  embeddingProgram,
  feedForwardGradientProgram,
  feedForwardProgram,
  input,
  kernel,
  loadKey,
  normSumsGradientProgram,
  normSumsProgram,
  output,
  primalGradientProgram,
  primalProgram,
  primalWeightGradientProgram,
  rowDropout,
  softmaxAttentionProgram,
  softmaxKeyGradientProgram,
  softmaxQueryGradientProgram,
} from '../index.js';

const tokens = { batch: 2, length: 32, width: 32 };
const [primal, feedForward] = [
  { ...tokens, heads: 2, rank: 4 },
  { rows: 64, width: 32, hidden: 64 },
];
const softmax = { batch: 2, length: 32, heads: 2, headSize: 16 };
const embedding = { ...tokens, vocabulary: 20 };

/** Makes a program with a setting that its type does not allow. */
type Make = (wrong: object) => unknown;

const primals: Record<string, Make> = {
  primalProgram: (wrong) => primalProgram({ ...primal, ...wrong }),
  primalGradientProgram: (wrong) => primalGradientProgram({ ...primal, landmarks: 8, ...wrong }),
  primalWeightGradientProgram: (wrong) => primalWeightGradientProgram({ ...primal, ...wrong }),
};
const feedForwards: Record<string, Make> = {
  feedForwardProgram: (wrong) => feedForwardProgram({ ...feedForward, ...wrong }),
  feedForwardGradientProgram: (wrong) => feedForwardGradientProgram({ ...feedForward, ...wrong }),
};
const embeddings: Record<string, Make> = {
  embeddingProgram: (wrong) => embeddingProgram({ ...embedding, ...wrong }),
  embeddingGradientProgram: (wrong) => embeddingGradientProgram({ ...embedding, ...wrong }),
};
const sums: Record<string, Make> = {
  normSumsProgram: (wrong) => normSumsProgram({ ...tokens, ...wrong }),
  normSumsGradientProgram: (wrong) => normSumsGradientProgram({ ...tokens, ...wrong }),
};
const softmaxes: Record<string, Make> = {
  softmaxAttentionProgram: (wrong) => softmaxAttentionProgram({ ...softmax, ...wrong }),
  softmaxQueryGradientProgram: (wrong) => softmaxQueryGradientProgram({ ...softmax, ...wrong }),
  softmaxKeyGradientProgram: (wrong) => softmaxKeyGradientProgram({ ...softmax, ...wrong }),
};

const all = { ...primals, ...feedForwards, ...embeddings, ...sums, ...softmaxes };
describe.each(Object.entries(all))('%s refuses', (name, make) => {
  it.each(['float16', 'float64', null])('dtype %s', (dtype) => {
    expect(() => make({ dtype })).toThrow(`${name}: dtype must be one of bfloat16, float32, got ${dtype}`);
  });
});

const normed = { ...primals, ...feedForwards, ...sums };
describe.each(Object.entries(normed))('%s refuses', (name, make) => {
  it.each([Number.NaN, -1e-5, Number.POSITIVE_INFINITY, '1e-5'])('epsilon %s', (epsilon) => {
    expect(() => make({ epsilon })).toThrow(`${name}: epsilon must be a number of 0 or more, got ${epsilon}`);
  });
});

const drawn = { ...primals, ...feedForwards, ...embeddings };
describe.each(Object.entries(drawn))('%s refuses', (name, make) => {
  it.each([0, 0.5])('a draw that there is not, at rate %s', (rate) => {
    expect(() => make({ rate, draw: 'rows' })).toThrow(
      `${name}: draw must be one of elements, products, got rows`,
    );
  });
});

describe('within a kernel', () => {
  const writing = (write: (key: ReturnType<typeof loadKey>) => void) => () =>
    kernel('k', { key: input('int32'), y: output('float32') }, ({ key, y }) => {
      write(loadKey(key, 0));
      y.store(0, 0);
    });

  it('rowDropout refuses a draw that there is not', () => {
    expect(writing((key) => rowDropout({ rate: 0.5, draw: 'rows' as never }, key, 16))).toThrow(
      'rowDropout: draw must be one of elements, products, got rows',
    );
  });

  it('dropout refuses a rate that there is not', () => {
    const x = () => arange(16).cast('float32');
    expect(writing((key) => dropout(x(), Number.NaN, key, arange(16)))).toThrow(
      'dropout: rate must be in [0, 1), got NaN',
    );
  });
});
