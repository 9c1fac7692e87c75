import { column, type Splits } from '../arrays.js';
import { findUea } from '../sources/finders.js';
import { type LoadUeaOptions, loadUea } from '../uea/load-uea.js';
import { type PreparedSplit, preprocess } from '../uea/preprocess.js';
import { type DatasetName, datasets } from '../uea/registry.js';
import { cachedSet, type TaskOptions } from './cached-set.js';

/**
 * A UEA set, ready for a network. Columns: `x` [cases, length, dimensions], float32, standardised; `mask` [cases, length], uint8, 1 for
 * a real step; `labels` [cases], int32.
 */
export interface UeaTask extends Splits<'x' | 'mask' | 'labels'> {
  readonly dimensions: number;
  readonly length: number;
  readonly classes: readonly string[];
  /** Test cases that lost their end, being longer than every train case. */
  readonly truncated: number;
}

/** `preprocess(loadUea(NAME))` through the cache. */
export function cachedUea(
  name: DatasetName,
  settings: Pick<LoadUeaOptions, 'form' | 'verify'> = {},
  options: TaskOptions = {},
): Promise<UeaTask> {
  return cachedSet(
    {
      name,
      version: 1,
      options: { ...settings },
      find: (folder) => findUea(datasets[name], folder, settings.form),
      make: async (folder) => {
        const set = await loadUea(name, { ...settings, folder });
        const { train, test, dimensions, length, classes } = preprocess(set.train, set.test);
        const columns = ({ x, mask, y, cases }: PreparedSplit) => ({
          x: column(x, [cases, length, dimensions]),
          mask: column(Uint8Array.from(mask), [cases, length]),
          labels: column(y, [cases]),
        });
        const truncated = test.truncated;
        return { dimensions, length, classes, truncated, train: columns(train), test: columns(test) };
      },
    },
    options,
  );
}
