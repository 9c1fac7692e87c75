import { join } from 'node:path';
import { parseArgs } from 'node:util';
import {
  benchFolder,
  count,
  countReader,
  type Device,
  defaultDevice,
  items,
  listOf,
  oneOf,
  UsageError,
} from '../command-line.js';
import { pythonOf } from '../lra-step/peers.js';
import { type Precision, precisions } from '../lra-step/settings.js';
import { knownVariants, variants } from './settings.js';

export interface Options {
  /** Names of variants. */
  readonly mechanisms: readonly string[];
  readonly lengths: readonly number[];
  readonly batch: number;
  readonly precision: Precision;
  readonly withJax: boolean;
  /** The Python that has JAX. */
  readonly python: string;
  readonly peersFolder: string;
  readonly rounds: number;
  /** How long a round of one program shall take, about. */
  readonly roundMs: number;
  readonly stepsPerRead: number;
  readonly warmup: number;
  readonly seed: number;
  /** What a program may take for an answer. */
  readonly secondsAtMost: number;
  readonly device: Device;
  /** The folder to write results to. */
  readonly save: string | undefined;
}

export const usage = `usage: attention.js [options]
  --mechanisms LIST      all, or of ${Object.keys(variants).join(', ')}
  --lengths LIST         (default 256,1024,4096)
  --batch N              (default 4)
  --precision NAME       ${precisions.join(', ')} (default float32)
  --peers LIST           jax, or nothing (default)
  --peer-python PATH     a Python with JAX, or jax=PATH (default python3)
  --peers-dir FOLDER     where the peer's program is (default: beside this program)
  --rounds N             (default 3)
  --round-ms N           how long a round shall take, about (default 1000)
  --steps-per-read N     steps between two reads of a loss (default 1; 20 on CUDA)
  --warmup N             steps before the first round (default 3; 20 on CUDA)
  --seed N               (default 0)
  --seconds-at-most N    a layer that takes a program longer, compilation included, is given up (default 300)
  --save                 writes results/attention-….jsonl, if the machine was quiet; --save-dir FOLDER: there`;

export function parseOptions(args: readonly string[]): Options {
  const { values } = parse(args);
  if (values.help) throw new UsageError('Each attention mechanism, forward and backward, timed.');
  const device = defaultDevice();
  const number = countReader(values);
  const known = knownVariants();
  return {
    mechanisms: values.mechanisms === 'all' ? known : listOf('mechanisms', values.mechanisms, known),
    lengths: items(values.lengths).map((item) => count('lengths', item, 2)),
    batch: number('batch', 4),
    precision: oneOf('precision', values.precision, precisions),
    withJax: listOf('peers', values.peers, ['jax']).length > 0,
    python: pythonOf(values['peer-python'] ?? 'python3')('jax'),
    peersFolder: values['peers-dir'] ?? join(benchFolder(), 'peers'),
    rounds: number('rounds', 3),
    roundMs: number('round-ms', 1000),
    stepsPerRead: number('steps-per-read', device === 'cuda' ? 20 : 1),
    warmup: number('warmup', device === 'cuda' ? 20 : 3),
    seed: number('seed', 0, 0),
    secondsAtMost: number('seconds-at-most', 300),
    device,
    save: values['save-dir'] ?? (values.save ? join(benchFolder(), 'results') : undefined),
  };
}

function parse(args: readonly string[]) {
  try {
    return parseArgs({
      args: [...args],
      options: {
        mechanisms: { type: 'string', default: 'all' },
        lengths: { type: 'string', default: '256,1024,4096' },
        batch: { type: 'string' },
        precision: { type: 'string', default: 'float32' },
        peers: { type: 'string', default: '' },
        'peer-python': { type: 'string' },
        'peers-dir': { type: 'string' },
        rounds: { type: 'string' },
        'round-ms': { type: 'string' },
        'steps-per-read': { type: 'string' },
        warmup: { type: 'string' },
        seed: { type: 'string' },
        'seconds-at-most': { type: 'string' },
        save: { type: 'boolean', default: false },
        'save-dir': { type: 'string' },
        help: { type: 'boolean', default: false },
      },
    });
  } catch (error) {
    throw new UsageError((error as Error).message);
  }
}
