import type { Provenance } from '@primal-attention/experiment';
import type { Found } from './checks.js';

/** A check, and whether what it found is right. */
export interface Outcome extends Found {
  readonly check: string;
  readonly ok: boolean;
}

/** What one process found. */
export interface Round extends Provenance {
  readonly round: string;
  /** Why kernels do not run; null where they do. */
  readonly refusal: string | null;
  readonly outcomes: readonly Outcome[];
  readonly compilations: number;
  readonly compileMs: number;
  readonly loads: number;
}

/** Whether a check's finding is within its limit, and nothing else is wrong. */
export function outcomeOf(check: string, found: Found): Outcome {
  const { error, limit = 0, wrong } = found;
  return { check, ok: wrong === undefined && (error === undefined || error <= limit), ...found };
}

/** The round, with an outcome that says whether its training made the bits that the first process's did. */
export function besideFirst(round: Round, first: Round): Round {
  const bitsOf = ({ outcomes }: Round): Map<string, string | undefined> =>
    new Map(outcomes.flatMap(({ check, bits }) => (bits === undefined ? [] : [[check, bits]])));
  const [before, now] = [bitsOf(first), bitsOf(round)];
  const checks = [...new Set([...before.keys(), ...now.keys()])];
  const differ = checks.filter((check) => before.get(check) !== now.get(check));
  const told = (check: string): string =>
    `${check}: ${before.get(check) ?? 'nothing'} in the first process, ${now.get(check) ?? 'nothing'} here`;
  const wrong = checks.length === 0 ? 'no training gave bits' : differ.map(told).join('; ');
  const outcome = outcomeOf('same bits in another process', {
    wrong: wrong === '' ? undefined : wrong,
    detail: `${checks.length - differ.length} of ${checks.length} trainings`,
  });
  return { ...round, outcomes: [...round.outcomes, outcome] };
}
