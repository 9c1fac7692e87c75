import { readFileSync } from 'node:fs';
import fc from 'fast-check';
import { Matrix } from 'ml-matrix';
import { describe, expect, it } from 'vitest';
import { primalSingularValues } from './primal-spectrum.js';
import { singularValues } from './singular-values.js';

interface Ksvd {
  tokens: number;
  features: number;
  landmarks: number[];
  queries: number[];
  keys: number[];
  singularValues: number[];
}

/** numpy's singular values of (phi_Q F^T)(F phi_K^T), from the project's golden KSVD solutions. */
const golden = JSON.parse(readFileSync(new URL('./fixtures/ksvd.json', import.meta.url), 'utf8')) as Record<
  string,
  Ksvd
>;

/** The matrix itself: every entry <F phi_q, F phi_k>, or <phi_q, phi_k>. */
function direct(
  queries: Float64Array,
  keys: Float64Array,
  tokens: number,
  features: number,
  landmarks?: Float64Array,
): Float64Array {
  const map = (values: Float64Array): Matrix => {
    const phi = Matrix.from1DArray(tokens, features, values); // [N, p]
    return landmarks
      ? phi.mmul(Matrix.from1DArray(landmarks.length / features, features, landmarks).transpose())
      : phi;
  };
  const kernel = map(queries).mmul(map(keys).transpose()); // [N, N]
  return singularValues(Float64Array.from(kernel.to1DArray()), tokens, tokens);
}

const numbers = (length: number): fc.Arbitrary<Float64Array> =>
  fc
    .array(fc.integer({ min: -1000, max: 1000 }), { minLength: length, maxLength: length })
    .map((values) => Float64Array.from(values, (value) => value / 1000));

const layer = fc
  .record({
    tokens: fc.integer({ min: 1, max: 9 }),
    features: fc.integer({ min: 1, max: 5 }),
    rows: fc.integer({ min: 1, max: 12 }),
  })
  .chain(({ tokens, features, rows }) =>
    fc.record({
      tokens: fc.constant(tokens),
      features: fc.constant(features),
      queries: numbers(tokens * features),
      keys: numbers(tokens * features),
      landmarks: fc.option(numbers(rows * features), { nil: undefined }),
    }),
  );

describe('primalSingularValues', () => {
  it.each(Object.keys(golden))('equals numpy on the KSVD solution %s', (name) => {
    const { tokens, features, ...values } = golden[name];
    const got = primalSingularValues({
      tokens,
      features,
      queries: Float64Array.from(values.queries),
      keys: Float64Array.from(values.keys),
      landmarks: Float64Array.from(values.landmarks),
    });
    expect(got).toHaveLength(tokens);
    const largest = values.singularValues[0];
    // Float64 on both sides; errors are relative to the largest value.
    for (let i = 0; i < tokens; i++) {
      expect(Math.abs(got[i] - values.singularValues[i]) / largest).toBeLessThan(1e-13);
    }
  });

  it('equals the SVD of the whole matrix, for more and for fewer tokens than features', () => {
    fc.assert(
      fc.property(layer, (one) => {
        const expected = direct(one.queries, one.keys, one.tokens, one.features, one.landmarks);
        const got = primalSingularValues(one);
        expect(got).toHaveLength(one.tokens);
        // Values are at most 9 * 5 * 5 * 12; float64 keeps ten digits after the point.
        for (let i = 0; i < one.tokens; i++) expect(got[i]).toBeCloseTo(expected[i], 10);
      }),
    );
  });

  it('has at most as many values above 0 as there are features', () => {
    fc.assert(
      fc.property(layer, (one) => {
        expect(
          primalSingularValues(one)
            .subarray(one.features)
            .every((value) => value === 0),
        ).toBe(true);
      }),
    );
  });

  it('reads float32', () => {
    const queries = Float32Array.of(1, 0, 0, 1, 0, 0);
    const keys = Float32Array.of(2, 0, 0, 3, 0, 0);
    expect([...primalSingularValues({ tokens: 3, features: 2, queries, keys })]).toEqual([3, 2, 0]);
    const landmarks = Float32Array.of(2, 0); // F^T F = diag(4, 0)
    expect([...primalSingularValues({ tokens: 3, features: 2, queries, keys, landmarks })]).toEqual([
      8, 0, 0,
    ]);
  });

  it('names the argument that does not fit', () => {
    const four = Float64Array.of(1, 2, 3, 4);
    const good = { tokens: 2, features: 2, queries: four, keys: four };
    const broken =
      (change: object): (() => Float64Array) =>
      () =>
        primalSingularValues({ ...good, ...change });
    expect(broken({ queries: four.subarray(1) })).toThrow('queries: 3 values, expected 2 x 2 = 4');
    expect(broken({ keys: four.subarray(2) })).toThrow('keys: 2 values, expected 2 x 2 = 4');
    expect(broken({ tokens: 0 })).toThrow(
      'queries: the number of rows must be a whole number from 1 on, got 0',
    );
    expect(broken({ landmarks: four.subarray(1) })).toThrow(
      'landmarks: 3 values are no whole number of rows of 2 features',
    );
    expect(broken({ landmarks: new Float64Array(0) })).toThrow('landmarks: the number of rows must be');
    expect(broken({ landmarks: Float64Array.of(1, Number.NaN) })).toThrow('landmarks: value 1 is NaN');
  });
});
