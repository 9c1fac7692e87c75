import { byteSize, type Client, ReadyEvent } from '@primal-attention/pjrt';
import { FunctionBuilder, type Value } from '../hlo/function-builder.js';
import { launch, moduleOf } from './call.js';
import { type TileProgram, typeOfArray } from './program.js';

/** Calls in one program: starting a program takes the host about as long as a small kernel takes the device. */
const callsPerRun = 20;
const runs = 5;

/**
 * Milliseconds that one call of a kernel takes, by the fastest of a few runs, on arrays of zeros.
 *
 * @throws PjrtError when the kernel does not compile, or there is no memory for its arrays
 */
export function measure(
  client: Client,
  program: TileProgram,
  now: () => number = () => performance.now(),
): number {
  const executable = client.compile(measuredModule(program));
  const buffers: { dispose(): void }[] = [executable];
  try {
    const list = executable.argumentList(program.operands.length);
    for (const [i, operand] of program.operands.entries()) {
      const { element, shape } = typeOfArray(operand);
      const buffer = client.toDevice(new Uint8Array(byteSize(element, shape)), element, shape);
      buffers.push(buffer);
      list[i] = buffer.handle;
    }
    let fastest = Number.POSITIVE_INFINITY;
    for (let i = 0; i <= runs; i++) {
      const start = now();
      const results = executable.execute();
      const event = new ReadyEvent(client, results[0]);
      try {
        event.waitSync();
        const elapsed = now() - start;
        // The first run loads the code.
        if (i > 0) fastest = Math.min(fastest, elapsed / callsPerRun);
      } finally {
        event.dispose();
        for (let k = 0; k < program.results.length; k++) client.destroyBuffer(results[k]);
      }
    }
    return fastest;
  } finally {
    for (const buffer of buffers) buffer.dispose();
  }
}

/** Compiles a program that calls the kernel. @throws PjrtError when it does not compile */
export function tryProgram(client: Client, program: TileProgram): void {
  client.compile(measuredModule(program, 1)).dispose();
}

/** A program that calls the kernel several times. */
export function measuredModule(program: TileProgram, calls = callsPerRun): string {
  const b = new FunctionBuilder(program.operands.map(typeOfArray));
  let results: Value[] = [];
  for (let i = 0; i < calls; i++) results = launch(b, program, b.parameters, true);
  return moduleOf(b, results);
}
