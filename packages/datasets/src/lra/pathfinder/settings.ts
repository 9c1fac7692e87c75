/** The stimuli's parameters, lengths in pixels, under the names of the published generator where it has a name. */
export interface PathfinderSettings {
  /** Height and width. */
  readonly size: number;
  /** Width of the frame that stays free. */
  readonly padding: number;
  /** Drawing happens at this many times the resolution. */
  readonly antialias: number;
  /** Paddles of each of the two long contours. */
  readonly contourLength: number;
  /** Paddles of a distractor. */
  readonly distractorLength: number;
  /** Distractors that are attempted; one that finds no room is left out. */
  readonly distractors: number;
  /** Distance between the first ends of the two long contours. */
  readonly seedDistance: number;
  readonly markerRadius: number;
  readonly paddleLength: number;
  /** A whole number when multiplied by `antialias`. */
  readonly paddleThickness: number;
  /** Half the gap between paddles; one of these is drawn for each image. */
  readonly paddleMargins: readonly number[];
  /** Brightness of paddles of the long contours, times that of their contour. */
  readonly paddleContrasts: readonly number[];
  /** Brightness of contours; of distractors the only factor. */
  readonly contourContrasts: readonly number[];
  /** Greater is straighter: the weight of a turn by δ is cos²(min(continuity · δ, π/2)). */
  readonly continuity: number;
  /**
   * Orientations of first paddles. `published`: those that the published code can place, all of which point up and to the left
   * (see `PathfinderGenerator`); `all`: every whole degree.
   */
  readonly seedOrientations: 'published' | 'all';
  /** Further attempts to place a distractor. */
  readonly distractorRetries: number;
  /** Further attempts to place a paddle. */
  readonly paddleRetries: number;
}

/** What the three levels of LRA's Pathfinder32 have in common; as `lra_benchmarks/data/pathfinder.py` lists it. */
const lra = {
  size: 32,
  padding: 1,
  antialias: 2,
  seedDistance: 7,
  markerRadius: 1.5,
  paddleLength: 2,
  paddleThickness: 0.5,
  paddleMargins: [1],
  paddleContrasts: [0.75],
  contourContrasts: [2],
  continuity: 1,
  seedOrientations: 'published',
  distractorRetries: 4,
  paddleRetries: 2,
} as const;

const level = (contourLength: number): PathfinderSettings => {
  const distractorLength = Math.floor(contourLength / 3);
  return { ...lra, contourLength, distractorLength, distractors: Math.floor(20 / distractorLength) };
};

/** LRA's three levels of Pathfinder32. The paper's table has `hard`. */
export const pathfinderLevels = {
  /** `curv_baseline`. */
  easy: level(6),
  /** `curv_contour_length_9`. */
  intermediate: level(9),
  /** `curv_contour_length_14`: two contours of 14 paddles, up to 5 distractors of 4. */
  hard: level(14),
} as const;

/** A level of {@link pathfinderLevels}. */
export type PathfinderLevel = keyof typeof pathfinderLevels;

/** @throws naming the first setting that cannot be */
export function checkSettings(settings: PathfinderSettings): void {
  const check = (
    name: Exclude<keyof PathfinderSettings, 'seedOrientations'>,
    right: (value: number) => boolean,
    expected: string,
  ): void => {
    const value = settings[name];
    const values = typeof value === 'number' ? [value] : value;
    if (values.length > 0 && values.every(right)) return;
    throw new Error(`pathfinder: ${name} must be ${expected}, got ${JSON.stringify(value)}`);
  };
  const whole = (least: number, most: number): [(value: number) => boolean, string] => [
    (value) => Number.isInteger(value) && value >= least && value <= most,
    `a whole number, ${least}..${most}`,
  ];
  const positive: [(value: number) => boolean, string] = [
    (value) => Number.isFinite(value) && value > 0,
    'greater than 0',
  ];
  check('size', ...whole(8, 1024));
  check('padding', ...whole(1, settings.size / 4));
  check('antialias', ...whole(1, 8));
  check('contourLength', ...whole(1, 100));
  check('distractorLength', ...whole(1, 100));
  check('distractors', ...whole(0, 1000));
  check('seedDistance', ...whole(1, Math.floor(settings.size / 4)));
  check('markerRadius', ...positive);
  check('paddleLength', ...whole(1, 64));
  check('paddleThickness', ...positive);
  check('paddleMargins', ...whole(1, 64));
  check('paddleContrasts', ...positive);
  check('contourContrasts', ...positive);
  check('continuity', ...positive);
  if (!['published', 'all'].includes(settings.seedOrientations)) {
    throw new Error(
      `pathfinder: seedOrientations must be 'published' or 'all', got '${settings.seedOrientations}'`,
    );
  }
  check('distractorRetries', ...whole(0, 1000));
  check('paddleRetries', ...whole(0, 1000));
  check(
    'paddleThickness',
    (value) => Number.isInteger(value * settings.antialias),
    `a whole number when multiplied by antialias (${settings.antialias})`,
  );
}
