import { UsageError } from '../command-line.js';
import type { Mechanism } from './settings.js';

/** The programs in other languages: file, its own options, and the module that it needs. */
const programs = {
  torch: ['lra_step_torch.py'],
  'torch-compile': ['lra_step_torch.py', '--compile'],
  'torch-sdpa': ['lra_step_torch.py', '--sdpa'],
  'torch-sdpa-compile': ['lra_step_torch.py', '--sdpa', '--compile'],
  jax: ['lra_step_jax.py'],
} as const;

export type PeerName = keyof typeof programs;
export const peerNames = Object.keys(programs) as PeerName[];

export function peerProgram(peer: PeerName): { file: string; flags: readonly string[]; module: string } {
  const [file, ...flags] = programs[peer];
  return { file, flags, module: peer.split('-')[0] };
}

/** Fused softmax is softmax alone: with another mechanism the program would be that without `sdpa`, under another name. */
export function hasMechanism(peer: PeerName, mechanism: Mechanism): boolean {
  return mechanism === 'softmax' || !peerProgram(peer).flags.includes('--sdpa');
}

/** Reads `--peer-python`: one path for all, or `torch=PATH,jax=PATH`. */
export function pythonOf(text: string): (module: string) => string {
  if (!text.includes('=')) return () => text;
  const paths = new Map<string, string>();
  for (const item of text.split(',')) {
    const [module, path] = item.split('=');
    if (!['torch', 'jax'].includes(module) || !path) {
      throw new UsageError(`--peer-python must be a path, or torch=PATH,jax=PATH, got '${text}'`);
    }
    paths.set(module, path);
  }
  return (module) => paths.get(module) ?? 'python3';
}
