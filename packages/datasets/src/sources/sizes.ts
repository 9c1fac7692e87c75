import { countSamples, type Splits } from '../arrays.js';

/** `train / dev / test`, for the doctor's table. */
export function sizesOf({ train, dev, test }: Splits): string {
  return [train, ...(dev ? [dev] : []), test]
    .map((columns) => countSamples(columns, 'count').toLocaleString('en'))
    .join(' / ');
}
