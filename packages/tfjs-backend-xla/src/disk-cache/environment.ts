import { createHash } from 'node:crypto';
import { closeSync, existsSync, fstatSync, openSync, readdirSync, readFileSync, readSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { basename, dirname, join } from 'node:path';
import type { Client } from '@primal-attention/pjrt';

/**
 * Everything besides the program that decides what an executable is, and whether it may be loaded here: the plugin and
 * its interface, the device, its driver and libraries, the processor, the options of the compiler.
 *
 * To be taken when the client is made, which is when a plugin reads its flags.
 */
export function compilationEnvironment(client: Client, env: NodeJS.ProcessEnv = process.env): string {
  const { path, version } = client.library;
  const flags = Object.keys(env)
    .filter((name) => /^(XLA_|TF_|NVIDIA_TF32|CUBLAS_|CUDNN_)/.test(name))
    .sort()
    .map((name) => `${name}=${env[name]}`);
  return JSON.stringify({
    plugin: fileIdentity(path),
    interface: version,
    platform: [client.platformName, client.platformVersion],
    devices: client.devices.map(({ kind }) => kind),
    options: Buffer.from(client.compileOptions()).toString('hex'),
    flags,
    processor: processor(),
    threads: availableParallelism(),
    gpu: client.platformName === 'cpu' ? undefined : graphics(path, env),
  });
}

/**
 * A file's size, time of change, and a hash of 64 samples across it. Hashing all of a plugin's 200 MB would take as long
 * as a compilation, and a rebuilt one differs nearly everywhere.
 */
export function fileIdentity(path: string): string {
  const samples = 64;
  const block = Buffer.alloc(4096);
  const hash = createHash('sha256');
  const file = openSync(path, 'r');
  try {
    const { size, mtimeMs } = fstatSync(file);
    for (let i = 0; i < samples; i++) {
      const read = readSync(file, block, 0, block.length, Math.floor((size * i) / samples));
      hash.update(block.subarray(0, read));
    }
    return `${size} ${mtimeMs} ${hash.digest('hex')}`;
  } finally {
    closeSync(file);
  }
}

/** Model and instruction sets of the processor: XLA compiles for just this one. */
function processor(): string {
  const info = '/proc/cpuinfo';
  if (!existsSync(info)) return `${process.platform} ${process.arch}`;
  const wanted = /^(model name|flags|Features|CPU implementer|CPU part)\s*:/;
  const [first] = readFileSync(info, 'utf8').split('\n\n');
  return first
    .split('\n')
    .filter((line) => wanted.test(line))
    .join('\n');
}

/**
 * The driver, and the versions of the libraries from NVIDIA's wheels beside the plugin. A plugin that `PJRT_PLUGIN_PATH` names
 * may lie anywhere, with no wheels around it: its libraries are then those of the library path.
 */
export function graphics(pluginPath: string, env: NodeJS.ProcessEnv): unknown {
  const driver = '/proc/driver/nvidia/version';
  const packages = join(dirname(pluginPath), '..', '..');
  return {
    driver: existsSync(driver) ? readFileSync(driver, 'utf8') : undefined,
    wheels:
      basename(packages) === 'site-packages'
        ? readdirSync(packages)
            .filter((name) => /^(nvidia|jax).*\.dist-info$/.test(name))
            .sort()
        : [],
    libraries: env.LD_LIBRARY_PATH,
  };
}
