/** What a schedule sets for one step. */
export interface Rates {
  readonly learningRate: number;
  /** Adam's first decay rate; left as it is when absent. */
  readonly beta1?: number;
}

/** The rates of step 0, 1, …: a plain function, so that a resumed run needs no state for it. */
export type Schedule = (step: number) => Rates;

/** The same learning rate at every step. */
export function constant(learningRate: number): Schedule {
  return () => ({ learningRate });
}

/** Options of {@link oneCycle}. */
export interface OneCycleOptions {
  /** The peak. */
  maxLearningRate: number;
  totalSteps: number;
  /** Steps up to and including the peak, which is at step warmupSteps - 1: between two steps where it is no integer. */
  warmupSteps: number;
  /** The first rate is maxLearningRate / divFactor. Default 25. */
  divFactor?: number;
  /** The last rate is the first one / finalDivFactor. Default 10,000. */
  finalDivFactor?: number;
  /** beta1 at the peak. Default 0.85. */
  baseMomentum?: number;
  /** beta1 at both ends. Default 0.95. */
  maxMomentum?: number;
}

/**
 * One cycle: linearly up to the peak, linearly down to almost nothing, with beta1 moving the other way.
 *
 *     step 0 -> warmupSteps - 1 -> totalSteps - 1
 *     lr   max/divFactor -> max -> max/(divFactor finalDivFactor),   beta1   0.95 -> 0.85 -> 0.95
 *
 * Source: Smith and Topin (2018) in the form of torch.optim.lr_scheduler.OneCycleLR with anneal_strategy 'linear' and
 * pct_start = warmupSteps / totalSteps; its defaults, of which the cycled beta1 is one, act in the paper's LRA runs.
 *
 * @throws Error for a step outside 0..totalSteps - 1
 */
export function oneCycle(options: OneCycleOptions): Schedule {
  const { maxLearningRate, totalSteps, warmupSteps, divFactor = 25, finalDivFactor = 1e4 } = options;
  const { baseMomentum = 0.85, maxMomentum = 0.95 } = options;
  const check = (name: string, value: number, valid: boolean, expected: string): void => {
    if (!valid) throw new Error(`oneCycle: ${name} must be ${expected}, got ${value}`);
  };
  const positive = (value: number): boolean => value > 0 && value < Infinity;
  check('maxLearningRate', maxLearningRate, positive(maxLearningRate), 'above 0');
  check(
    'totalSteps',
    totalSteps,
    Number.isInteger(totalSteps) && totalSteps >= 3,
    'an integer of at least 3',
  );
  check(
    'warmupSteps',
    warmupSteps,
    warmupSteps > 1 && warmupSteps < totalSteps,
    `above 1 and below totalSteps, which is ${totalSteps}`,
  );
  check('divFactor', divFactor, positive(divFactor), 'above 0');
  check('finalDivFactor', finalDivFactor, positive(finalDivFactor), 'above 0');
  check('baseMomentum', baseMomentum, baseMomentum >= 0 && baseMomentum < 1, 'in [0, 1)');
  check('maxMomentum', maxMomentum, maxMomentum >= 0 && maxMomentum < 1, 'in [0, 1)');

  const peak = warmupSteps - 1;
  const end = totalSteps - 1;
  const first = maxLearningRate / divFactor;
  const last = first / finalDivFactor;
  const between = (from: number, to: number, share: number): number => from + (to - from) * share;
  return (step) => {
    if (!Number.isInteger(step) || step < 0 || step > end) {
      throw new Error(`oneCycle: the schedule covers the steps 0..${end}, got step ${step}`);
    }
    if (step <= peak) {
      const share = step / peak;
      return {
        learningRate: between(first, maxLearningRate, share),
        beta1: between(maxMomentum, baseMomentum, share),
      };
    }
    const share = (step - peak) / (end - peak);
    return {
      learningRate: between(maxLearningRate, last, share),
      beta1: between(baseMomentum, maxMomentum, share),
    };
  };
}
