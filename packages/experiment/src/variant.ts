/** How matrix products are computed, as a config's `precision` names it. */
export type Precision = 'float32' | 'tf32' | 'bf16';

const precisions: readonly string[] = ['float32', 'tf32', 'bf16'] satisfies Precision[];

/** What of a run's config is taken otherwise, without a config of its own: the seed, the precision, or both. */
export interface Variant {
  readonly seed?: number;
  readonly precision?: Precision;
}

/** A run, by the name of its folder, and a variant of it; the variant may be empty. */
export interface RunOfList {
  readonly run: string;
  readonly variant: Variant;
}

/** More than these in one range are a slip. */
const mostSeeds = 100;

/** `seed1`, `float32` or `seed1.float32`; empty where nothing is taken otherwise. */
export function variantName({ seed, precision }: Variant): string {
  const parts = [seed === undefined ? undefined : `seed${seed}`, precision];
  return parts.filter((part) => part !== undefined).join('.');
}

/** The name of a run's result: `text-primal`, `text-primal.seed1`. */
export function idOf({ run, variant }: RunOfList): string {
  const name = variantName(variant);
  return name === '' ? run : `${run}.${name}`;
}

/** What {@link idOf} made a name of; undefined for another text. A run's own name has no point in it. */
export function parseId(id: string): RunOfList | undefined {
  const [run, ...parts] = id.split('.');
  const [, seed] = /^seed(\d+)$/.exec(parts[0] ?? '') ?? [];
  const [precision] = seed === undefined ? parts : parts.slice(1);
  const variant: Variant = {
    ...(seed === undefined ? {} : { seed: Number(seed) }),
    ...(precision === undefined ? {} : { precision: precision as Precision }),
  };
  const isKnown = precision === undefined || precisions.includes(precision);
  return isKnown && idOf({ run, variant }) === id ? { run, variant } : undefined;
}

/** The variant less what the config says already: a run with its own seed is the run itself. */
export function lessConfig(
  { seed, precision }: Variant,
  config: { readonly seed?: unknown; readonly precision?: unknown },
): Variant {
  return {
    ...(seed === undefined || seed === config.seed ? {} : { seed }),
    ...(precision === undefined || precision === config.precision ? {} : { precision }),
  };
}

/** What a run's program is given for the variant: `--seed 1 --precision float32`. */
export function variantArguments({ seed, precision }: Variant): string[] {
  return [
    ...(seed === undefined ? [] : ['--seed', String(seed)]),
    ...(precision === undefined ? [] : ['--precision', precision]),
  ];
}

/** The variant of these options. @throws Error that says what was given and what is expected */
export function readVariant({ seed, precision }: { seed?: string; precision?: string }): Variant {
  if (seed !== undefined && !isSeed(seed)) {
    throw new Error(`--seed must be a whole number from 0 on, got '${seed}'`);
  }
  if (precision !== undefined && !precisions.includes(precision)) {
    throw new Error(`--precision must be one of ${precisions.join(', ')}, got '${precision}'`);
  }
  return {
    ...(seed === undefined ? {} : { seed: Number(seed) }),
    ...(precision === undefined ? {} : { precision: precision as Precision }),
  };
}

/**
 * The runs of a list: `RUN,RUN@1,RUN@1..4,RUN@float32,RUN@1..4@float32`. After each `@` comes a seed, a range of seeds with both its
 * ends, or a precision.
 *
 * @throws Error naming what is not understood
 */
export function expandRuns(list: string): RunOfList[] {
  return list
    .split(',')
    .filter((item) => item !== '')
    .flatMap((item) => {
      const [run, ...parts] = item.split('@');
      let seeds: number[] | undefined;
      let precision: Precision | undefined;
      for (const part of parts) {
        if (precision === undefined && precisions.includes(part)) precision = part as Precision;
        else if (seeds === undefined && /^\d+(\.\.\d+)?$/.test(part)) seeds = seedsOf(part, item);
        else {
          throw new Error(
            `'${item}': after @ comes a seed (1), seeds (1..4) or a precision (${precisions.join(', ')}), one of each at most; got '${part}'`,
          );
        }
      }
      const base = precision === undefined ? {} : { precision };
      return (seeds ?? [undefined]).map((seed) => ({
        run,
        variant: seed === undefined ? base : { seed, ...base },
      }));
    });
}

function seedsOf(part: string, item: string): number[] {
  const [first, last = first] = part.split('..');
  const count = Number(last) - Number(first) + 1;
  if (!isSeed(first) || !isSeed(last) || count < 1 || count > mostSeeds) {
    throw new Error(
      `'${item}': expected seeds from a smaller to a larger one, ${mostSeeds} at most, got '${part}'`,
    );
  }
  return Array.from({ length: count }, (_, i) => Number(first) + i);
}

/** No leading zero: a name is read back as it was written. */
function isSeed(text: string): boolean {
  return /^(0|[1-9]\d*)$/.test(text) && Number.isSafeInteger(Number(text));
}
