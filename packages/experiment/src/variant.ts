/** How matrix products are computed, as a config's `precision` names it. */
export type Precision = 'float32' | 'tf32' | 'bf16';

const precisions: readonly string[] = ['float32', 'tf32', 'bf16'] satisfies Precision[];

/**
 * What of a run's config is taken otherwise, without a config of its own: the seed, the precision, kernels, or several of them. It is put
 * over the config as it is.
 */
export interface Variant {
  readonly seed?: number;
  readonly precision?: Precision;
  /** By GPU kernels of our own, where the config has none. */
  readonly kernels?: true;
  /**
   * How dropout draws its masks. Who asks for kernels gets this draw with them, the one that they are fast with; runs of before then
   * have kernels alone in their names.
   */
  readonly dropoutDraw?: 'products';
}

/** A run, by the name of its folder, and a variant of it; the variant may be empty. */
export interface RunOfList {
  readonly run: string;
  readonly variant: Variant;
}

/** What a variant with kernels is called in names and lists. */
const kernelsPart = 'kernels';

/** What a variant is called whose dropout draws by products. No list has it: it comes with kernels. */
const productsPart = 'products';

/** More than these in one range are a slip. */
const mostSeeds = 100;

/** `seed1`, `float32`, `kernels.products` or `seed1.float32.kernels.products`; empty where nothing is taken otherwise. */
export function variantName({ seed, precision, kernels, dropoutDraw }: Variant): string {
  const parts = [
    ...[seed === undefined ? undefined : `seed${seed}`, precision],
    ...[kernels && kernelsPart, dropoutDraw && productsPart],
  ];
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
  const seed = parts.map((part) => /^seed(\d+)$/.exec(part)?.[1]).find((digits) => digits !== undefined);
  const precision = parts.find((part) => precisions.includes(part));
  const variant = madeOf(
    seed === undefined ? undefined : Number(seed),
    precision,
    parts.includes(kernelsPart),
    parts.includes(productsPart),
  );
  // Whatever is unknown, twice there or in another order is not in the name of what was understood.
  return idOf({ run, variant }) === id ? { run, variant } : undefined;
}

/**
 * The variant less what the config says already: a run with its own seed is the run itself. So is one with its own kernels, however
 * their dropout draws.
 */
export function lessConfig(
  { seed, precision, kernels, dropoutDraw }: Variant,
  config: { readonly [Setting in keyof Variant]?: unknown },
): Variant {
  const hasKernels = config.kernels !== undefined;
  return madeOf(
    seed === config.seed ? undefined : seed,
    precision === config.precision ? undefined : precision,
    kernels === true && !hasKernels,
    dropoutDraw !== undefined && !hasKernels && config.dropoutDraw === undefined,
  );
}

/** A variant without keys that say nothing: it is put over a config. */
function madeOf(
  seed: number | undefined,
  precision: string | undefined,
  kernels: boolean,
  byProducts: boolean,
): Variant {
  return {
    ...(seed === undefined ? {} : { seed }),
    ...(precision === undefined ? {} : { precision: precision as Precision }),
    ...(kernels ? { kernels } : {}),
    ...(byProducts ? { dropoutDraw: productsPart } : {}),
  };
}

/** What a run's program is given for a variant that was asked for: `--seed 1 --precision float32 --kernels`. */
export function variantArguments({ seed, precision, kernels }: Variant): string[] {
  return [
    ...(seed === undefined ? [] : ['--seed', String(seed)]),
    ...(precision === undefined ? [] : ['--precision', precision]),
    ...(kernels ? ['--kernels'] : []),
  ];
}

/** The variant of these options. @throws Error that says what was given and what is expected */
export function readVariant({
  seed,
  precision,
  kernels = false,
}: {
  seed?: string;
  precision?: string;
  kernels?: boolean;
}): Variant {
  if (seed !== undefined && !isSeed(seed)) {
    throw new Error(`--seed must be a whole number from 0 on, got '${seed}'`);
  }
  if (precision !== undefined && !precisions.includes(precision)) {
    throw new Error(`--precision must be one of ${precisions.join(', ')}, got '${precision}'`);
  }
  return madeOf(seed === undefined ? undefined : Number(seed), precision, kernels, kernels);
}

/**
 * The runs of a list: `RUN,RUN@1,RUN@1..4,RUN@float32,RUN@1..4@float32@kernels`. After each `@` comes a seed, a range of seeds with
 * both its ends, a precision, or `kernels`, with which dropout draws by products; the order does not matter.
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
      let precision: string | undefined;
      let kernels = false;
      for (const part of parts) {
        if (precision === undefined && precisions.includes(part)) precision = part;
        else if (!kernels && part === kernelsPart) kernels = true;
        else if (seeds === undefined && /^\d+(\.\.\d+)?$/.test(part)) seeds = seedsOf(part, item);
        else {
          throw new Error(
            `'${item}': after @ comes a seed (1), seeds (1..4), a precision (${precisions.join(', ')}) or ${kernelsPart}, one of each at most; got '${part}'`,
          );
        }
      }
      return (seeds ?? [undefined]).map((seed) => ({
        run,
        variant: madeOf(seed, precision, kernels, kernels),
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
