import { join } from 'node:path';
import { parseArgs } from 'node:util';
import {
  benchFolder,
  countReader,
  type Device,
  defaultDevice,
  listOf,
  oneOf,
  UsageError,
} from '../command-line.js';
import { type PeerName, peerNames, pythonOf } from './peers.js';
import { type Backend, backends, isXla, mechanisms, precisions, type StepSettings } from './settings.js';

export interface Options {
  readonly settings: StepSettings;
  readonly backends: readonly Backend[];
  readonly peers: readonly PeerName[];
  /** The Python of a peer. */
  readonly python: (peer: PeerName) => string;
  readonly peersFolder: string;
  readonly rounds: number;
  readonly device: Device;
  /** The folder to write results to. */
  readonly save: string | undefined;
}

export const usage = `usage: lra-step.js [options]
  --backends LIST        of ${backends.join(', ')} (default xla)
  --peers LIST           of ${peerNames.join(', ')} (default none)
  --peer-python PATH     a Python with the peers' libraries, or torch=PATH,jax=PATH (default python3)
  --peers-dir FOLDER     where the peers' programs are (default: beside this program)
  --mechanism NAME       ${mechanisms.join(' or ')} (default primal)
  --precision NAME       ${precisions.join(', ')} (default float32)
  --length N --batch N   (default 1024 and 4)
  --steps N --rounds N   steps a round, and rounds (default 5 rounds of 10 steps; of 100 on CUDA)
  --steps-per-read N     steps between two reads of a loss, of all programs (default 1; 20 on CUDA)
  --warmup N             steps before the first round (default 10)
  --seed N               (default 0)
  --save                 writes results/lra-step-….jsonl, if the machine was quiet; --save-dir FOLDER: there
  --overhead             times the calls of a compiled program with 450 arguments instead`;

export function parseOptions(args: readonly string[]): Options {
  const { values } = parse(args);
  if (values.help) throw new UsageError('One training step of the LRA text model, timed.');
  const device = defaultDevice();
  const count = countReader(values);
  const stepsPerRead = count('steps-per-read', device === 'cuda' ? 20 : 1);
  const steps = count('steps', device === 'cuda' ? 100 : 10);
  if (steps % stepsPerRead !== 0) {
    throw new UsageError(`--steps must be a multiple of --steps-per-read (${stepsPerRead}), got ${steps}`);
  }
  const precision = oneOf('precision', values.precision, precisions);
  const chosen = listOf('backends', values.backends, backends);
  const others = chosen.filter((name) => !isXla(name));
  if (others.length > 0 && precision !== 'float32') {
    throw new UsageError(
      `--precision ${precision}: ${others.join(' and ')} computes in float32 only; leave it out of --backends`,
    );
  }
  const peers = listOf('peers', values.peers, peerNames);
  if (chosen.length + peers.length === 0)
    throw new UsageError('--backends and --peers: there is nothing to time');
  return {
    settings: {
      mechanism: oneOf('mechanism', values.mechanism, mechanisms),
      length: count('length', 1024, 4),
      batch: count('batch', 4),
      precision,
      steps,
      stepsPerRead,
      warmup: count('warmup', 10),
      seed: count('seed', 0, 0),
    },
    backends: chosen,
    peers,
    python: pythonOf(values['peer-python'] ?? 'python3'),
    peersFolder: values['peers-dir'] ?? join(benchFolder(), 'peers'),
    rounds: count('rounds', 5),
    device,
    save: values['save-dir'] ?? (values.save ? join(benchFolder(), 'results') : undefined),
  };
}

function parse(args: readonly string[]) {
  try {
    return parseArgs({
      args: [...args],
      options: {
        backends: { type: 'string', default: 'xla' },
        peers: { type: 'string', default: '' },
        'peer-python': { type: 'string' },
        'peers-dir': { type: 'string' },
        mechanism: { type: 'string', default: 'primal' },
        precision: { type: 'string', default: 'float32' },
        length: { type: 'string' },
        batch: { type: 'string' },
        steps: { type: 'string' },
        rounds: { type: 'string' },
        'steps-per-read': { type: 'string' },
        warmup: { type: 'string' },
        seed: { type: 'string' },
        save: { type: 'boolean', default: false },
        'save-dir': { type: 'string' },
        help: { type: 'boolean', default: false },
      },
    });
  } catch (error) {
    throw new UsageError((error as Error).message);
  }
}
