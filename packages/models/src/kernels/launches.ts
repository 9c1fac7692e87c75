import type { TileCandidates, TileProgram } from '@primal-attention/runtime';
import { writtenOnce } from '@primal-attention/tile';

/** The kernels of a model's blocks. */
export type KernelName =
  | 'feedForward'
  | 'feedForwardGradient'
  | 'primal'
  | 'primalGradient'
  | 'primalWeightGradient';

/** How a model calls its kernels. */
export interface KernelOptions {
  /**
   * The launch of each kernel, such as `{ feedForward: '64 tokens x 8, 4 warps' }`: the fastest one is looked for otherwise. All
   * compute the same up to the order of sums, so that a run with fixed choices can be repeated to the bit.
   */
  readonly choice?: { readonly [Name in KernelName]?: string };
}

/** A way to launch a kernel that takes tokens tile by tile. */
export interface Launch {
  readonly rowsPerTile: number;
  readonly tilesPerProgram: number;
  readonly numWarps: number;
}

const launch = (rowsPerTile: number, tilesPerProgram: number, numWarps: number): Launch => ({
  rowsPerTile,
  tilesPerProgram,
  numWarps,
});

/*
 * The likeliest first: it is what runs where there is no time to measure. So was the order on an H200, at the sizes of the paper in
 * bfloat16; the last of each is for devices with less shared memory. A gradient's programs each write the sums of all weights once, so
 * that few programs with many tiles write less, as long as they are enough for all of the device.
 */
const forward = [launch(64, 8, 4), launch(32, 8, 4)];

const launches: Readonly<Record<KernelName, readonly Launch[]>> = {
  feedForward: forward,
  feedForwardGradient: [launch(32, 32, 8), launch(32, 16, 8), launch(16, 16, 4)],
  primal: forward,
  primalGradient: [launch(64, 8, 4), launch(16, 16, 4)],
  primalWeightGradient: [launch(64, 16, 4), launch(64, 8, 4), launch(16, 16, 4)],
};

/** What a launch is called in {@link KernelOptions}. */
function labelOf({ rowsPerTile, tilesPerProgram, numWarps }: Launch): string {
  return `${rowsPerTile} tokens x ${tilesPerProgram}, ${numWarps} warps`;
}

/**
 * A model's setting `kernels` as options; undefined where it asks for none.
 *
 * @param caller who is named in errors
 * @throws Error that names an unknown key, kernel or launch, and those that there are
 */
export function checkKernelOptions(
  caller: string,
  options: boolean | KernelOptions,
): KernelOptions | undefined {
  if (typeof options === 'boolean') return options ? {} : undefined;
  const isObject = typeof options === 'object' && options !== null;
  const unknown = isObject ? Object.keys(options).find((key) => key !== 'choice') : undefined;
  if (!isObject || unknown !== undefined) {
    const given = isObject ? `key '${unknown}'` : JSON.stringify(options);
    throw new Error(`${caller}: kernels must be true, false or { choice: { … } }, got ${given}`);
  }
  for (const [name, label] of Object.entries(options.choice ?? {})) {
    if (!Object.hasOwn(launches, name)) {
      throw new Error(
        `${caller}: kernels.choice has '${name}'; the kernels are ${Object.keys(launches).join(', ')}`,
      );
    }
    const labels = launches[name as KernelName].map(labelOf);
    if (labels.includes(label)) continue;
    throw new Error(`${caller}: kernels.choice.${name} must be one of ${labels.join('; ')}, got '${label}'`);
  }
  return options;
}

/**
 * The ways to launch a kernel that is made for these sizes.
 *
 * @param config what the kernel is made for; with the name it tells the kernel apart from all others
 */
export function candidatesOf<Config extends object>(
  name: KernelName,
  config: Config,
  make: (config: Config & Omit<Launch, 'numWarps'>, launch: Pick<Launch, 'numWarps'>) => TileProgram,
  { choice }: KernelOptions,
): TileCandidates {
  const of = `${name} of ${Object.entries(config)
    .map(([key, value]) => `${key} ${value}`)
    .join(', ')}`;
  const candidate = (launch: Launch): [string, () => TileProgram] => {
    const { numWarps, ...tiling } = launch;
    const write = (): TileProgram => make({ ...config, ...tiling }, { numWarps });
    return [labelOf(launch), () => writtenOnce(name, { ...config, ...launch }, write)];
  };
  return { name: of, candidates: Object.fromEntries(launches[name].map(candidate)), choice: choice?.[name] };
}
