import { spawn } from 'node:child_process';
import {
  chmodSync,
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';

const here = (name) => fileURLToPath(new URL(name, import.meta.url));
const scripts = here('../..');

/** A small checkout with the real set-up scripts in it, and stand-ins for the tools that they call. */
export class Project {
  constructor() {
    this.root = mkdtempSync(join(tmpdir(), 'set-up-'));
    mkdirSync(join(this.root, 'scripts'));
    cpSync(join(scripts, 'setup.mjs'), join(this.root, 'scripts/setup.mjs'));
    cpSync(join(scripts, 'setup'), join(this.root, 'scripts/setup'), { recursive: true });
    this.write('package.json', JSON.stringify({ devDependencies: { pnpm: '10.34.8' } }));
    this.write('pnpm-workspace.yaml', 'packages:\n  - packages/*\n');
    this.write('pnpm-lock.yaml', 'lockfileVersion: 9\n');
    this.write('packages/one/package.json', '{}');
    this.write('requirements.txt', '');
    this.write('requirements-pjrt.txt', '');
    mkdirSync(join(this.root, 'bin'));
    symlinkSync(process.execPath, join(this.root, 'bin/node'));
    this.standIn('npx', 'npx');
    this.standIn('python3', 'python');
    this.write('turbo.mjs', "console.log('Cached:    1 cached, 1 total');\n");
  }

  /** Puts a program on the fixture's PATH that calls tool.mjs as `tool`. */
  standIn(program, tool) {
    const path = join(this.root, 'bin', program);
    writeFileSync(path, `#!/bin/sh\nexec '${process.execPath}' '${here('tool.mjs')}' ${tool} "$0" "$@"\n`);
    chmodSync(path, 0o755);
  }

  path(name) {
    return join(this.root, name);
  }

  write(name, text) {
    mkdirSync(dirname(this.path(name)), { recursive: true });
    writeFileSync(this.path(name), text);
  }

  read(name) {
    return readFileSync(this.path(name), 'utf8');
  }

  remove(name) {
    rmSync(this.path(name), { recursive: true });
  }

  has(name) {
    return existsSync(this.path(name));
  }

  /** The tools' calls since the last time that this was asked. */
  calls() {
    if (!this.has('calls.log')) return [];
    const calls = this.read('calls.log').trimEnd().split('\n');
    this.remove('calls.log');
    return calls;
  }

  /** Starts the set-up; `done` resolves to `{ code, output }`, `until(text)` when it has printed that. */
  start(env = {}) {
    const child = spawn(process.execPath, ['-r', here('disguise.cjs'), this.path('scripts/setup.mjs')], {
      env: {
        PATH: this.path('bin'),
        HOME: this.root,
        FAKE_ROOT: this.root,
        FAKE_EXEC_PATH: this.path('bin/node'),
        FAKE_TURBO: this.path('turbo.mjs'),
        ...env,
      },
    });
    let output = '';
    const ended = new Promise((resolve) => child.on('close', resolve));
    for (const stream of [child.stdout, child.stderr]) {
      stream.on('data', (data) => {
        output += data;
      });
    }
    const until = async (text) => {
      while (!output.includes(text)) {
        if (child.exitCode !== null) throw new Error(`ended before it said "${text}":\n${output}`);
        await sleep(10);
      }
    };
    return { child, until, done: ended.then((code) => ({ code, output })) };
  }

  run(env) {
    return this.start(env).done;
  }

  /** Starts the set-up and waits until the tool `what` is half through; returns `{ child, done, tool: its pid }`. */
  async startUntil(what) {
    const started = this.start({ FAKE_HANG: what });
    while (!this.has('hanging') || this.read('hanging') === '') await sleep(10);
    const tool = Number(this.read('hanging'));
    this.remove('hanging');
    return { ...started, tool };
  }

  dispose() {
    rmSync(this.root, { recursive: true, force: true });
  }
}
