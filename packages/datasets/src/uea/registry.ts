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
      sha256: 'c187e2288bd7f0667ab7453de436feeadb5dd417c5778a6c62b71852b50736cc',
    },
    test: {
      cases: 850,
      lengths: [152, 152],
      sha256: '156ee781ad41d58b4e5d48a907aef956f5a3756e1ab2d796c785db1a47863524',
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
        sha256: '68a430eabd919cc77f40b1f5f3bc0dcafacc1486bca9260785aeb7d262cc78cd',
      },
      test: {
        cases: 370,
        lengths: [7, 29],
        sha256: 'b3d41d6a0ca3bcad3afb9ca7d4365382aa51341e2e58bae2a574babdda5b9462',
      },
    }),
    bundled: true,
    terms: `Donated to UCI (https://doi.org/10.24432/C5NS47), which gives its sets under CC BY 4.0. ${archiveTerms}`,
  },
  'PEMS-SF': unseen('PEMS-SF', 267, 173, 963, 144, 7),
  SelfRegulationSCP1: unseen('SelfRegulationSCP1', 268, 293, 6, 896, 2),
  SelfRegulationSCP2: unseen('SelfRegulationSCP2', 200, 180, 7, 1152, 2),
  SpokenArabicDigits: uea('SpokenArabicDigits', {
    dimensions: 13,
    classes: 10,
    train: { cases: 6599, lengths: [4, 93] },
    test: { cases: 2199 },
  }),
  UWaveGestureLibrary: uea('UWaveGestureLibrary', {
    dimensions: 3,
    classes: 8,
    train: {
      cases: 120,
      lengths: [315, 315],
      sha256: 'cb7cd8cb995775d30dacbfd5c2a9cb3a80dfbd186fd444294bae70c9162dead1',
    },
    test: {
      cases: 320,
      lengths: [315, 315],
      sha256: '517dbc817c3f181c64727a84ee8bd0cedd3554346042898b9107010b690c331a',
    },
  }),
};
