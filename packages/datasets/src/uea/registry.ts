import { knownFiles } from '../sources/known-files.js';

/** The two parts of a UEA set; it has no third for validation. */
export type Split = 'train' | 'test';

/** The ten UEA sets of the paper's Table 1. */
export type DatasetName =
  | 'EthanolConcentration'
  | 'FaceDetection'
  | 'Handwriting'
  | 'Heartbeat'
  | 'JapaneseVowels'
  | 'PEMS-SF'
  | 'SelfRegulationSCP1'
  | 'SelfRegulationSCP2'
  | 'SpokenArabicDigits'
  | 'UWaveGestureLibrary';

/** What a loaded split must be. */
export interface SplitFacts {
  cases: number;
  /** Shortest and longest series; undefined where we could not verify it. */
  lengths?: readonly [min: number, max: number];
  /** Cases of each class, in the order of the sorted labels; undefined where we could not count them. */
  perClass?: readonly number[];
  /** Of the file that our results were made with; undefined where we have not had the file. */
  sha256?: string;
}

/** One data set of the UEA archive. */
export interface DatasetEntry {
  name: DatasetName;
  archive: 'UEA';
  /** Where its files officially are. */
  source: string;
  /** Licence or terms of use, as far as they are known. */
  terms: string;
  /** Shipped inside this package. */
  bundled: boolean;
  dimensions: number;
  classes: number;
  train: SplitFacts;
  test: SplitFacts;
  /** The donor's own files, where they are another form than UEA's with other facts. */
  original?: OriginalForm;
}

/** A set as its donor gave it, before the UEA archive made its files from it. */
export interface OriginalForm {
  source: string;
  terms: string;
  files: Readonly<Record<Split, string>>;
  /** In the order of their blocks. */
  classes: readonly string[];
  train: SplitFacts;
  test: SplitFacts;
}

const archiveTerms =
  'The UEA archive states no single licence: donors gave the sets for research, and it asks to be cited (arXiv:1811.00075).';

function uea(
  name: DatasetName,
  facts: Omit<DatasetEntry, 'name' | 'archive' | 'source' | 'terms' | 'bundled'>,
): DatasetEntry {
  return {
    name,
    archive: 'UEA',
    source: `https://timeseriesclassification.com/aeon-toolkit/${name}.zip`,
    terms: archiveTerms,
    bundled: false,
    ...facts,
  };
}

/** Both splits with series of one length, whose files we have not had. */
function unseen(
  name: DatasetName,
  train: number,
  test: number,
  dimensions: number,
  length: number,
  classes: number,
): DatasetEntry {
  const lengths = [length, length] as const;
  return uea(name, { dimensions, classes, train: { cases: train, lengths }, test: { cases: test, lengths } });
}

/**
 * The ten sets of the paper's UEA table, with what a loaded file must look like.
 *
 * Sizes of sets without a checksum are those of the archive's table; the others were counted in the files.
 */
export const datasets: Readonly<Record<DatasetName, DatasetEntry>> = {
  EthanolConcentration: unseen('EthanolConcentration', 261, 263, 3, 1751, 4),
  FaceDetection: unseen('FaceDetection', 5890, 3524, 144, 62, 2),
  Handwriting: uea('Handwriting', {
    dimensions: 3,
    classes: 26,
    train: {
      cases: 150,
      lengths: [152, 152],
      sha256: knownFiles['uea/Handwriting/Handwriting_TRAIN.ts'].sha256,
    },
    test: {
      cases: 850,
      lengths: [152, 152],
      sha256: knownFiles['uea/Handwriting/Handwriting_TEST.ts'].sha256,
    },
  }),
  Heartbeat: unseen('Heartbeat', 204, 205, 61, 405, 2),
  JapaneseVowels: {
    ...uea('JapaneseVowels', {
      dimensions: 12,
      classes: 9,
      train: {
        cases: 270,
        lengths: [7, 26],
        perClass: Array(9).fill(30),
        sha256: knownFiles['uea/JapaneseVowels/JapaneseVowels_TRAIN.ts'].sha256,
      },
      test: {
        cases: 370,
        lengths: [7, 29],
        perClass: [31, 35, 88, 44, 29, 24, 40, 50, 29],
        sha256: knownFiles['uea/JapaneseVowels/JapaneseVowels_TEST.ts'].sha256,
      },
    }),
    bundled: true,
    terms: `Donated to UCI (https://doi.org/10.24432/C5NS47), which gives its sets under CC BY 4.0. ${archiveTerms}`,
  },
  'PEMS-SF': unseen('PEMS-SF', 267, 173, 963, 144, 7),
  SelfRegulationSCP1: uea('SelfRegulationSCP1', {
    dimensions: 6,
    classes: 2,
    // Counted in the archive's arff files; labels sorted: negativity, positivity.
    train: { cases: 268, lengths: [896, 896], perClass: [135, 133] },
    test: { cases: 293, lengths: [896, 896], perClass: [147, 146] },
  }),
  SelfRegulationSCP2: unseen('SelfRegulationSCP2', 200, 180, 7, 1152, 2),
  SpokenArabicDigits: uea('SpokenArabicDigits', {
    dimensions: 13,
    classes: 10,
    train: { cases: 6599, lengths: [4, 93] },
    test: { cases: 2199 },
    original: {
      source: 'https://archive.ics.uci.edu/static/public/195/spoken+arabic+digit.zip',
      terms: 'UCI gives its sets under CC BY 4.0; donors: N. Hammami, M. Bedda.',
      files: { train: 'Train_Arabic_Digit.txt', test: 'Test_Arabic_Digit.txt' },
      classes: ['0', '1', '2', '3', '4', '5', '6', '7', '8', '9'],
      train: { cases: 6600, lengths: [4, 93], perClass: Array(10).fill(660) },
      test: { cases: 2200, lengths: [7, 83], perClass: Array(10).fill(220) },
    },
  }),
  UWaveGestureLibrary: uea('UWaveGestureLibrary', {
    dimensions: 3,
    classes: 8,
    train: {
      cases: 120,
      lengths: [315, 315],
      perClass: Array(8).fill(15),
      sha256: knownFiles['uea/UWaveGestureLibrary/UWaveGestureLibrary_TRAIN.ts'].sha256,
    },
    test: {
      cases: 320,
      lengths: [315, 315],
      perClass: Array(8).fill(40),
      sha256: knownFiles['uea/UWaveGestureLibrary/UWaveGestureLibrary_TEST.ts'].sha256,
    },
  }),
};
