import { existsSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

/** What an installation says of itself; written last, so that one without it never came to its end. */
export interface Manifest {
  readonly kind: 'cpu' | 'gpu';
  /** Version of TensorFlow, as its library states it. */
  readonly tensorflow: string;
  /** Version of the TensorFlow.js package whose binding was built. */
  readonly binding: string;
  /** Bytes of the two libraries and the binding. */
  readonly bytes: number;
  /** What it was made from, to be compared with what would be installed today. */
  readonly source: string;
}

export const packageFolder: string = dirname(dirname(dirname(fileURLToPath(import.meta.url))));

/**
 * Where engines are installed: `PRIMAL_ENGINES`, else `.engines` beside the workspace's `pnpm-workspace.yaml`, else in
 * the working folder.
 */
export function enginesFolder(env: NodeJS.ProcessEnv = process.env): string {
  if (env.PRIMAL_ENGINES) return env.PRIMAL_ENGINES;
  for (let folder = packageFolder; dirname(folder) !== folder; folder = dirname(folder)) {
    if (existsSync(join(folder, 'pnpm-workspace.yaml'))) return join(folder, '.engines');
  }
  return join(process.cwd(), '.engines');
}

/** The folder of TensorFlow's engine, whether it is there or not. */
export function tensorflowFolder(env: NodeJS.ProcessEnv = process.env): string {
  return join(enginesFolder(env), 'tensorflow');
}

/** The manifest of the engine that is installed; undefined when there is none. */
export function installedTensorflow(folder: string = tensorflowFolder()): Manifest | undefined {
  const path = join(folder, 'manifest.json');
  return existsSync(path) ? (JSON.parse(readFileSync(path, 'utf8')) as Manifest) : undefined;
}

/** The folder of `@tensorflow/tfjs-node-gpu`; undefined where the package manager left it out. */
export function bindingPackage(): string | undefined {
  try {
    return dirname(createRequire(import.meta.url).resolve('@tensorflow/tfjs-node-gpu/package.json'));
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'MODULE_NOT_FOUND') return undefined;
    throw error;
  }
}
