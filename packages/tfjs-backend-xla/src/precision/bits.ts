import type { HostArray } from '../graph/values.js';

/** Float32 numbers of bf16 bits, which are the upper halves of theirs; other arrays as they are. */
export function widenBits(values: HostArray | Uint16Array): HostArray {
  if (!(values instanceof Uint16Array)) return values;
  const bits = new Uint32Array(values.length);
  for (let i = 0; i < values.length; i++) bits[i] = values[i] << 16;
  return new Float32Array(bits.buffer);
}
