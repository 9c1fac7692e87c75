import type * as tf from '@tensorflow/tfjs';
import { afterEach, describe, expect, test } from 'vitest';
import type { AttentionKind } from './config.js';
import { type LraClassifierConfig, lraClassifier } from './lra.js';
import { ueaClassifier } from './uea.js';

/** Parameter counts of the official modules at the paper's settings. */

let model: tf.LayersModel | undefined;
afterEach(() => {
  model?.dispose();
  model = undefined;
});

// Per data set: features, length, classes; then rank, multiplier and count of Primal. and of Primal.+Trans.
const uea: [string, number, number, number, [number, number, number], [number, number, number]][] = [
  ['EthanolConcentration', 3, 1751, 4, [30, 10, 10_561_380], [40, 10, 10_789_252]],
  ['FaceDetection', 144, 62, 2, [20, 5, 5_995_202], [40, 5, 6_257_794]],
  ['Handwriting', 3, 152, 26, [30, 5, 8_036_090], [20, 5, 8_181_242]],
  ['Heartbeat', 61, 405, 2, [30, 10, 6_730_594], [40, 10, 6_958_466]],
  ['JapaneseVowels', 12, 26, 9, [40, 5, 5_964_553], [30, 5, 6_199_545]],
  ['PEMS-SF', 963, 144, 7, [40, 5, 7_059_207], [40, 5, 7_224_199]],
  ['SelfRegulationSCP1', 6, 896, 2, [30, 10, 7_456_610], [30, 10, 7_571_122]],
  ['SelfRegulationSCP2', 7, 1152, 2, [20, 10, 7_687_618], [20, 10, 7_883_490]],
  ['SpokenArabicDigits', 13, 93, 10, [20, 5, 6_376_522], [30, 5, 6_622_874]],
  ['UWaveGestureLibrary', 3, 315, 8, [20, 10, 7_367_624], [40, 10, 7_703_816]],
];

describe.each(uea)('UEA %s', (_name, features, maxLength, classes, primal, primalTrans) => {
  test.each([
    ['Primal.', ['primal', 'primal'], primal],
    ['Primal.+Trans.', ['softmax', 'primal'], primalTrans],
  ] as [string, AttentionKind[], [number, number, number]][])('%s', (_kind, attention, expected) => {
    const [rank, rankMultiplier, count] = expected;
    model = ueaClassifier({ features, maxLength, classes, attention, rank, rankMultiplier });
    expect(model.countParams()).toBe(count);
  });
});

// Per task: vocabulary, length, classes, dual; softmax; then rank and count of Primal. and of Primal.+Trans.
const lra: [string, number, number, number, boolean, number, [number, number], [number, number]][] = [
  ['ListOps', 32, 2048, 10, false, 209_802, [20, 236_186], [30, 243_654]],
  ['Text', 512, 4096, 2, false, 370_562, [20, 396_946], [30, 404_414]],
  ['Retrieval', 512, 4096, 2, true, 395_138, [30, 462_842], [20, 408_330]],
  ['Image', 512, 1024, 10, false, 174_986, [30, 242_690], [30, 208_838]],
  ['Pathfinder', 512, 1024, 2, false, 173_954, [30, 241_658], [20, 187_146]],
];

describe.each(lra)('LRA %s', (_name, vocabulary, maxLength, classes, dual, softmax, primal, primalTrans) => {
  test.each([
    ['softmax', ['softmax', 'softmax'], [undefined, softmax]],
    ['Primal.', ['primal', 'primal'], primal],
    ['Primal.+Trans.', ['softmax', 'primal'], primalTrans],
  ] as [string, AttentionKind[], [number | undefined, number]][])('%s', (_kind, attention, [rank, count]) => {
    model = lraClassifier({ vocabulary, maxLength, classes, dual, attention, rank });
    expect(model.countParams()).toBe(count);
  });
});

// Per task: Nystromformer with 64 landmarks and convolution 35; Linformer with k 256, whose E all layers share.
const baselines: [string, number, number, number, boolean, number, number][] = [
  ['ListOps', 32, 2048, 10, false, 209_942, 1_258_378],
  ['Text', 512, 4096, 2, false, 370_702, 2_467_714],
  ['Retrieval', 512, 4096, 2, true, 395_278, 2_492_290],
  ['Image', 512, 1024, 10, false, 175_126, 699_274],
  ['Pathfinder', 512, 1024, 2, false, 174_094, 698_242],
];

describe.each(baselines)(
  'LRA %s, a baseline',
  (_name, vocabulary, maxLength, classes, dual, nystrom, linformer) => {
    const task = { vocabulary, maxLength, classes, dual };
    const count = (kind: AttentionKind, options: LraClassifierConfig['mechanismOptions']): number => {
      model = lraClassifier({ ...task, attention: [kind, kind], mechanismOptions: options });
      return model.countParams();
    };
    const softmax = lra.find(([name]) => name === _name)?.[5];

    test('Nystromformer', () => {
      expect(count('nystromformer', { nystromformer: { landmarks: 64, convolution: 35 } })).toBe(nystrom);
    });
    test('Linformer', () => {
      expect(count('linformer', { linformer: { maxLength, rank: 256 } })).toBe(linformer);
    });
    test.each(['linear', 'cosine'] as const)('%s, as many as softmax', (kind) => {
      expect(count(kind, {})).toBe(softmax);
    });
  },
);

test('options of a mechanism that no layer has are refused, and so are unknown mechanisms', () => {
  const task = { vocabulary: 8, maxLength: 4, classes: 2 };
  expect(() =>
    lraClassifier({ ...task, attention: ['linear'], mechanismOptions: { linformer: { rank: 2 } } }),
  ).toThrow(/mechanismOptions has 'linformer', which no layer of linear is/);
  expect(() => lraClassifier({ ...task, attention: ['liner' as AttentionKind] })).toThrow(
    /must list a mechanism for each layer, got \["liner"\]; choose among .*linear/,
  );
});
