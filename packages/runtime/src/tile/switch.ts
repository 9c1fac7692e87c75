/** Whether kernels of {@link tileCall} are wanted; `off` runs plain formulations everywhere. */
export type TileKernels = 'on' | 'off';
const settings: readonly TileKernels[] = ['on', 'off'];

let scoped: TileKernels | undefined;

/**
 * What is asked for now: by the innermost {@link withTileKernels}, else by the environment variable `PRIMAL_KERNELS`, else `on`.
 *
 * @throws Error when `PRIMAL_KERNELS` is neither
 */
export function tileKernels(): TileKernels {
  return scoped ?? checked('PRIMAL_KERNELS', process.env.PRIMAL_KERNELS || 'on');
}

/**
 * Runs `fn` with kernels of {@link tileCall} on or off, whatever `PRIMAL_KERNELS` says. A `jit`ted function is compiled for
 * each setting that it is called with.
 *
 * ```ts
 * const reference = withTileKernels('off', () => step(batch));
 * ```
 *
 * @throws Error when the setting is unknown, or `fn` returns a promise
 */
export function withTileKernels<R>(setting: TileKernels, fn: () => R): R {
  checked('withTileKernels: the setting', setting);
  const before = scoped;
  scoped = setting;
  try {
    const result = fn();
    if (typeof (result as { then?: unknown } | undefined)?.then === 'function') {
      throw new Error('withTileKernels: the function returned a promise; it must be synchronous');
    }
    return result;
  } finally {
    scoped = before;
  }
}

/** Checks what `PRIMAL_KERNELS` says, whatever is asked for within. @throws Error when it is neither */
export function checkKernelSetting(): void {
  checked('PRIMAL_KERNELS', process.env.PRIMAL_KERNELS || 'on');
}

function checked(what: string, value: string): TileKernels {
  if ((settings as readonly string[]).includes(value)) return value as TileKernels;
  throw new Error(`${what} must be one of ${settings.join(', ')}, got '${value}'`);
}
