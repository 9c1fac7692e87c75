import { type GoldenCase, goldenValue } from '@primal-attention/golden';
import { oneCycle, type Rates } from '../schedule.js';

/** What a case says of torch's OneCycleLR. */
interface ScheduleConfig {
  scheduler?: string;
  max_lr?: number;
  total_steps?: number;
  /** Steps, or a share of the steps as a number or as a text `6/30`. */
  warmup?: number;
  pct_start?: number | string;
  anneal?: string;
  cycle_momentum?: boolean;
  base_momentum?: number;
  max_momentum?: number;
  div_factor?: number;
  final_div_factor?: number;
}

interface Config extends ScheduleConfig {
  lr?: number;
  betas?: [number, number];
  steps?: number;
}

const keys = [
  'max_lr',
  'total_steps',
  'warmup',
  'pct_start',
  'anneal',
  'cycle_momentum',
  'base_momentum',
  'max_momentum',
  'div_factor',
  'final_div_factor',
] as const;

/** The rates of each step of a case: of its schedule, or constant where it has none. */
export function goldenRates(golden: GoldenCase): (step: number) => Required<Rates> {
  const config: Config = golden.config;
  const beta1 = config.betas?.[0] ?? 0.9;
  if (config.scheduler === undefined && config.pct_start === undefined && config.warmup === undefined) {
    if (config.lr === undefined) throw new Error('the case has neither a learning rate nor a schedule');
    const learningRate = config.lr;
    return () => ({ learningRate, beta1 });
  }
  if (config.scheduler !== undefined && !/^OneCycleLR\b/.test(config.scheduler)) {
    throw new Error(`the schedule is none that is known: ${config.scheduler}`);
  }
  const cycle: Config = { ...config, ...cycleOf(golden) };
  const { anneal = 'linear', cycle_momentum = true } = cycle;
  if (anneal !== 'linear') throw new Error(`OneCycleLR is known with anneal 'linear' only, got '${anneal}'`);
  const totalSteps = required('total_steps', cycle.total_steps ?? cycle.steps);
  const schedule = oneCycle({
    maxLearningRate: required('max_lr', cycle.max_lr ?? cycle.lr),
    totalSteps,
    warmupSteps: warmupOf(golden, cycle, totalSteps),
    divFactor: cycle.div_factor,
    finalDivFactor: cycle.final_div_factor,
    baseMomentum: cycle.base_momentum,
    maxMomentum: cycle.max_momentum,
  });
  return (step) => {
    const rates = schedule(step);
    return { learningRate: rates.learningRate, beta1: cycle_momentum ? (rates.beta1 ?? beta1) : beta1 };
  };
}

/** The settings of the cycle: the case's own, or, where it says "as above", those of the nearest case that has any. */
function cycleOf({ config, above = [] }: GoldenCase): ScheduleConfig {
  const isAbove = String((config as Config).scheduler).endsWith('as above');
  const source = [config, ...(isAbove ? above : [])].find((given) =>
    keys.some((key) => given[key] !== undefined),
  );
  const own = Object.entries(source ?? {}).filter(([key]) => (keys as readonly string[]).includes(key));
  return Object.fromEntries(own);
}

function warmupOf(golden: GoldenCase, { warmup, pct_start }: ScheduleConfig, totalSteps: number): number {
  if (warmup !== undefined) return warmup;
  if (pct_start !== undefined) {
    const [part, whole = 1] = String(pct_start).split('/').map(Number);
    const steps = (part * totalSteps) / whole;
    if (!Number.isFinite(steps))
      throw new Error(`pct_start must be a number or a fraction, got ${pct_start}`);
    // 0.3 of 30 is 9, whatever the roundings say.
    return Math.abs(steps - Math.round(steps)) < 1e-9 ? Math.round(steps) : steps;
  }
  // A case that says "as above" and stands alone: its trace still has the step of the peak, and nothing else is taken from it.
  const rates = goldenValue(golden, 'out.lr').data as Float64Array;
  return rates.indexOf(Math.max(...rates)) + 1;
}

function required(name: string, value: number | undefined): number {
  if (value === undefined) throw new Error(`OneCycleLR needs ${name}, which the case does not say`);
  return value;
}
