import { mkdirSync, mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { findPlugin, findPlugins } from './discover.js';
import { prepareXlaFlags } from './flags.js';

const cpuWheel = 'lib/python3.11/site-packages/lammps_jax_pjrt_cpu/pjrt_c_api_cpu_plugin.so';

function folderWith(...files: string[]): string {
  const folder = mkdtempSync(join(tmpdir(), 'plugins-'));
  for (const file of files) {
    mkdirSync(join(folder, file, '..'), { recursive: true });
    writeFileSync(join(folder, file), '');
  }
  return folder;
}

describe('findPlugins', () => {
  it('takes an explicit path before anything else', () => {
    const root = folderWith(`.venv/${cpuWheel}`);
    expect(findPlugins({ PJRT_PLUGIN_PATH: '/x/plugin.so' }, [root])).toEqual([
      { path: '/x/plugin.so', platform: 'unknown', origin: 'PJRT_PLUGIN_PATH' },
    ]);
  });

  it('finds a wheel in .venv of a folder above', () => {
    const root = folderWith(`.venv/${cpuWheel}`);
    mkdirSync(join(root, 'packages/x'), { recursive: true });
    const [plugin] = findPlugins({}, [join(root, 'packages/x')]);
    expect(plugin).toMatchObject({ path: join(root, '.venv', cpuWheel), platform: 'cpu' });
  });

  it('finds a wheel in the active virtual environment, once', () => {
    const environment = folderWith(cpuWheel);
    const found = findPlugins({ VIRTUAL_ENV: environment }, [environment]);
    expect(found.filter(({ path }) => path.startsWith(environment))).toHaveLength(1);
  });

  it('says what to install when there is none', () => {
    expect(() => findPlugin({}, [folderWith()])).toThrow(/lammps-jax-pjrt-cpu|Linux x86-64/);
    expect(() => findPlugin({ VIRTUAL_ENV: '/nowhere' }, [folderWith()])).toThrow(
      /none has one: \/nowhere \(does not exist\)|Linux x86-64/,
    );
  });
});

describe('prepareXlaFlags', () => {
  const plugin = { path: '/x/cpu.so', platform: 'cpu' as const, origin: '' };

  it('adds what correct results need, once', () => {
    const env: NodeJS.ProcessEnv = { XLA_FLAGS: '--xla_dump_to=/x' };
    prepareXlaFlags(plugin, env);
    prepareXlaFlags(plugin, env);
    expect(env.XLA_FLAGS).toBe(
      '--xla_dump_to=/x --xla_cpu_enable_fast_min_max=false --xla_allow_excess_precision=false',
    );
  });

  it('asks for the same bits in each run where the user wants them', () => {
    const env: NodeJS.ProcessEnv = { PRIMAL_DETERMINISTIC: '1' };
    prepareXlaFlags(plugin, env);
    expect(env.XLA_FLAGS).toContain('--xla_gpu_deterministic_ops=true');
    expect(() => prepareXlaFlags(plugin, { PRIMAL_DETERMINISTIC: 'yes' })).toThrow(/0 or 1, got 'yes'/);
  });

  it("leaves the user's choice alone", () => {
    const env: NodeJS.ProcessEnv = { XLA_FLAGS: '--xla_cpu_enable_fast_min_max=true' };
    prepareXlaFlags(plugin, env);
    expect(env.XLA_FLAGS).toBe('--xla_cpu_enable_fast_min_max=true --xla_allow_excess_precision=false');
  });
});
