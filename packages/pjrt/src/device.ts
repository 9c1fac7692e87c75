import { Args } from './args.js';
import type { Library } from './library.js';

/** A device's memory at this moment, in bytes. */
export interface MemoryStats {
  bytesInUse: number;
  /** Includes what compilation's autotuning used; undefined where the device does not say. */
  peakBytesInUse: number | undefined;
  bytesLimit: number | undefined;
}

/** A device of a client. Owned by the client. */
export class Device {
  /** The model, for instance `NVIDIA H100 80GB HBM3` or `cpu`. */
  readonly kind: string;

  constructor(
    readonly library: Library,
    readonly handle: bigint,
  ) {
    const description = library.call('Device_GetDescription', new Args(32).setWord(16, handle)).word(24);
    this.kind = library.call('DeviceDescription_Kind', new Args(40).setWord(16, description)).text(24);
  }

  /** Memory of the device in bytes. @throws PjrtError with code UNIMPLEMENTED on devices without the figures (CPU) */
  memoryStats(): MemoryStats {
    const stats = this.library.call('Device_MemoryStats', new Args(200).setWord(16, this.handle));
    return {
      bytesInUse: stats.int64(24),
      peakBytesInUse: stats.bool(40) ? stats.int64(32) : undefined,
      bytesLimit: stats.bool(88) ? stats.int64(80) : undefined,
    };
  }
}
