import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { loadUea } from './load-uea.js';
import { parseTs, type TimeSeriesSet } from './parse-ts.js';
import { preprocess } from './preprocess.js';

const set = (...lines: string[]): TimeSeriesSet => parseTs(lines.join('\n'));

// Reference values below are pandas 3.1.1 (`interpolate`, `mean`, `std`, categorical codes) in float64, rounded to float32 in x.
const float64 = 12; // decimal places: sums of a few thousand float64 terms of order 1
const float32 = 6; // decimal places: one rounding of values below 6 to float32 is at most 2.4e-7

describe('preprocess: a small case', () => {
  const train = set(
    '@classLabel true a b',
    '@dimensions 2',
    '@data',
    '?,1,?,?,4,?:10,?,?,40,50,60:b',
    '2,3:?,-10:a',
  );
  const test = set(
    '@classLabel true b a',
    '@dimensions 2',
    '@data',
    '?,?,9,0,1,2,3:1,?,3,0,1,2,3:b',
    '1:2:a',
  );
  const prepared = preprocess(train, test);

  it('takes mean and std (ddof = 1) of the interpolated train split over all real steps', () => {
    // Feature 1 is 1 1 2 3 4 4 and 2 3: sum 20 over 8 steps, squared differences 10.
    expect(prepared.mean[0]).toBe(2.5);
    expect(prepared.std[0]).toBeCloseTo(Math.sqrt(10 / 7), 15);
    expect(prepared.mean[1]).toBe(23.75);
    expect(prepared.std[1]).toBeCloseTo(26.15202805574687, float64);
  });

  it('standardises, pads with zeros and marks real steps', () => {
    const expected = [
      ...[-1.2549900398011131, -0.5257718434184097, -1.2549900398011131, -0.14339232093229354],
      ...[-0.4183300132670377, 0.23898720155382255, 0.4183300132670377, 0.6213667240399386],
      ...[1.2549900398011131, 1.0037462465260547, 1.2549900398011131, 1.3861257690121709],
      ...[-0.4183300132670377, -1.290530888390642, 0.4183300132670377, -1.290530888390642],
      ...[0, 0, 0, 0, 0, 0, 0, 0],
    ];
    expect(prepared.length).toBe(6);
    expect(prepared.train.x).toEqual(Float32Array.from(expected));
    expect(prepared.train.mask).toEqual(Float32Array.of(1, 1, 1, 1, 1, 1, 1, 1, 0, 0, 0, 0));
    expect(prepared.train.lengths).toEqual(Int32Array.of(6, 2));
    expect(prepared.train.truncated).toBe(0);
    expect(prepared.train.interpolated).toBe(7);
  });

  it('cuts a longer test series, with train statistics, and says so', () => {
    const expected = [
      ...[5.438290172471491, -0.8699134136559141, 5.438290172471491, -0.8316754614073025],
      ...[5.438290172471491, -0.7934375091586909, -2.0916500663351885, -0.9081513659045257],
      ...[-1.2549900398011131, -0.8699134136559141, -0.4183300132670377, -0.8316754614073025],
    ];
    expect(prepared.test.x.subarray(0, 12)).toEqual(Float32Array.from(expected));
    expect(prepared.test.lengths).toEqual(Int32Array.of(6, 1));
    expect(prepared.test.truncated).toBe(1);
    expect(prepared.test.interpolated).toBe(3);
  });

  it('codes classes by sorted label, whatever the header order', () => {
    expect(prepared.classes).toEqual(['a', 'b']);
    expect(prepared.train.y).toEqual(Int32Array.of(1, 0));
    expect(prepared.test.y).toEqual(Int32Array.of(1, 0));
  });

  it('leaves its arguments alone', () => {
    expect(train.cases[0].values[0]).toBeNaN();
  });
});

describe('preprocess: edges', () => {
  const plain = set('@classLabel true a', '@data', '1,2:a');

  it('makes a feature that is constant in train exactly 0', () => {
    const constant = set('@classLabel true a', '@data', ...Array<string>(1000).fill('0.1,0.1,0.1:a'));
    const prepared = preprocess(constant, constant);
    expect(prepared.std[0]).toBe(0);
    expect(prepared.train.x.every((value) => value === 0)).toBe(true);
  });

  it('sorts labels as text', () => {
    const many = set('@classLabel true 2.0 10.0 1.0', '@data', '1:2.0', '2:10.0', '3:1.0');
    const prepared = preprocess(many, many);
    expect(prepared.classes).toEqual(['1.0', '10.0', '2.0']);
    expect(prepared.train.y).toEqual(Int32Array.of(2, 1, 0));
  });

  it.each([
    [plain, set('@classLabel true a', '@data', '1:2:a'), 'train has 1 dimensions, test has 2'],
    [plain, set('@classLabel false', '@data', '1,2'), 'the test split has no class labels'],
    [set('@classLabel false', '@data', '1,2'), plain, 'the train split has no class labels'],
    [plain, set('@classLabel true a b', '@data', '1,2:a'), 'train has the classes a, test has a, b'],
    [plain, set('@classLabel true a', '@data', '1:a', '?,?:a'), 'test case 2 has no value in channel 1'],
    [set('@classLabel true a', '@data', '1:a'), plain, 'the train split has 1 time step'],
  ])('refuses case %#', (train, test, message) => {
    expect(() => preprocess(train, test)).toThrow(`preprocess: ${message}`);
  });

  it('gives real train steps mean 0 and variance 1, and leaves padding 0, for any lengths', () => {
    const series = fc.array(
      fc.integer({ min: -10_000, max: 10_000 }).map((value) => value / 100),
      { minLength: 1, maxLength: 7 },
    );
    fc.assert(
      fc.property(fc.array(series, { minLength: 2, maxLength: 6 }), (all) => {
        fc.pre(new Set(all.flat()).size > 1);
        const made = set('@classLabel true a', '@data', ...all.map((one) => `${one.join(',')}:a`));
        const { train, length } = preprocess(made, made);
        const real = [...train.x].filter((_, index) => train.mask[index] === 1);
        expect(real).toHaveLength(all.flat().length);
        expect(train.x).toHaveLength(all.length * length);
        expect([...train.x].every((value, index) => train.mask[index] === 1 || value === 0)).toBe(true);
        const sum = real.reduce((total, value) => total + value, 0);
        const squares = real.reduce((total, value) => total + value * value, 0);
        // 42 float32 roundings of values below sqrt(41).
        expect(sum / real.length).toBeCloseTo(0, 5);
        expect(squares / (real.length - 1)).toBeCloseTo(1, 5);
      }),
    );
  });
});

describe('preprocess: JapaneseVowels', () => {
  it('has the moments, entries and codes that pandas finds', async () => {
    const { train, test } = await loadUea('JapaneseVowels');
    const prepared = preprocess(train, test);
    const mean = [
      ...[
        0.8691055004679457, -0.5545014386991108, 0.2461090898455779, -0.2672937594759008, 0.21897663032288253,
      ],
      ...[-0.21053823982218062, -0.17406514178755264, -0.05170502854468881, -0.20493131305568554],
      ...[-0.1811938511932616, -0.02359156340664483, 0.08621397660271408],
    ];
    const std = [
      ...[
        0.4876769390865794, 0.39122759641840554, 0.30093807695427466, 0.30594818302544957, 0.2691304306904132,
      ],
      ...[0.16831973258452998, 0.1612436264991467, 0.1883622589451826, 0.18774617053168538],
      ...[0.11693063895791325, 0.09764845694370623, 0.12756161310037542],
    ];
    for (let feature = 0; feature < 12; feature++) {
      expect(prepared.mean[feature]).toBeCloseTo(mean[feature], float64);
      expect(prepared.std[feature]).toBeCloseTo(std[feature], float64);
    }
    const at = (x: Float32Array, index: number, step: number, feature: number): number =>
      x[(index * 26 + step) * 12 + feature];
    expect(prepared.length).toBe(26);
    expect(at(prepared.train.x, 0, 0, 0)).toBeCloseTo(2.0337859349875265, float32);
    expect(at(prepared.train.x, 0, 19, 11)).toBeCloseTo(-2.0554771159595973, float32);
    expect(at(prepared.train.x, 0, 20, 0)).toBe(0);
    expect(at(prepared.train.x, 137, 0, 0)).toBeCloseTo(0.7408439287876856, float32);
    expect(at(prepared.train.x, 137, 14, 11)).toBeCloseTo(-1.7106868696541395, float32);
    expect(at(prepared.test.x, 369, 0, 0)).toBeCloseTo(1.1329559699232843, float32);
    expect(at(prepared.test.x, 369, 10, 11)).toBeCloseTo(1.0855461923982064, float32);
    const sum = prepared.test.x.reduce((total, value) => total + value, 0);
    const squares = prepared.test.x.reduce((total, value) => total + value * value, 0);
    // 70,000 float32 roundings of values of order 1, half of which cancel.
    expect(sum).toBeCloseTo(-1821.461331855482, 3);
    expect(squares).toBeCloseTo(69026.21478640083, 2);
    expect([...prepared.train.y].filter((_, index) => index % 30 === 0)).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8]);
    expect([...prepared.test.y].filter((_, index) => index % 50 === 0)).toEqual([0, 1, 2, 2, 4, 5, 7, 8]);
    // One test series has 29 steps, all others fit in 26.
    expect(prepared.train.truncated).toBe(0);
    expect(prepared.test.truncated).toBe(1);
    expect(prepared.test.lengths[7]).toBe(26);
  });
});
