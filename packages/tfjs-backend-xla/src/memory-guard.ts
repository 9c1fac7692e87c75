import { availableMemory, type Client, type Executable } from '@primal-attention/pjrt';

/**
 * Refuses a program that needs more memory than the machine has. An accelerator says so itself when the program is run;
 * on a CPU the operating system promises any amount, and ends the process when the memory is used.
 *
 * @throws Error that names results and bytes; the executable is disposed
 */
export function refuseOversized(client: Client, executable: Executable): void {
  if (client.platformName !== 'cpu') return;
  const { totalBytes, argumentBytes } = executable.memoryStats();
  const available = availableMemory();
  if (totalBytes - argumentBytes <= available) return;
  const message = `out of memory: ${executable.describeMemory()}, but the machine has ${available} bytes`;
  executable.dispose();
  throw new Error(`xla backend: ${message}`);
}
