import { join } from 'node:path';
import { Peer, type Round } from '../peer.js';
import type { Options } from './options.js';
import type { Failure, Loaded, LoadRequest, RoundRequest } from './protocol.js';

/** What a program answers where it cannot do what it is asked for. */
export class ProgramFailure extends Error {
  /** Which program. */
  readonly program: string;

  constructor(program: string, message: string) {
    super(message);
    this.program = program;
  }
}

/** A program that takes part, ours or a peer: it is started anew when a layer was too much for it. */
export class Contestant {
  readonly name: string;
  readonly #start: () => Peer;
  readonly #secondsAtMost: number;
  #peer: Peer | undefined;

  constructor(name: string, start: () => Peer, secondsAtMost: number) {
    this.name = name;
    this.#start = start;
    this.#secondsAtMost = secondsAtMost;
  }

  /** @throws ProgramFailure */
  async load(request: LoadRequest): Promise<Loaded> {
    return (await this.#ask(request)) as Loaded;
  }

  /** @throws ProgramFailure */
  async round(request: RoundRequest): Promise<Round> {
    return (await this.#ask(request)) as Round;
  }

  async end(): Promise<void> {
    await this.#peer?.end();
    this.#peer = undefined;
  }

  kill(): void {
    this.#peer?.kill();
    this.#peer = undefined;
  }

  async #ask(request: LoadRequest | RoundRequest): Promise<Loaded | Round> {
    this.#peer ??= this.#start();
    const peer = this.#peer;
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<Failure>((resolve) => {
      const failure = `more than ${this.#secondsAtMost} s`;
      timer = setTimeout(() => resolve({ failure }), this.#secondsAtMost * 1000);
    });
    const answered = peer
      .ask(JSON.stringify(request))
      .catch((): Failure => ({ failure: 'the program ended without an answer' }));
    const answer = (await Promise.race([answered, late])) as unknown as Loaded | Round | Failure;
    clearTimeout(timer);
    if (!('failure' in answer)) return answer;
    // What is left of the layer's memory is not to be the next one's trouble.
    this.kill();
    throw new ProgramFailure(this.name, answer.failure);
  }
}

/** Ours: this very program, started to serve. */
export function ours({ secondsAtMost }: Options): Contestant {
  const args = [...process.execArgv, process.argv[1], '--serve'];
  return new Contestant('ours', () => new Peer(process.execPath, args), secondsAtMost);
}

export function jaxPeer({ python, peersFolder, device, precision, secondsAtMost }: Options): Contestant {
  const args = [join(peersFolder, 'attention_jax.py'), '--device', device, '--precision', precision];
  // JAX would take most of the card at once, and leave nothing to ours.
  const env = { ...process.env, XLA_PYTHON_CLIENT_PREALLOCATE: 'false' };
  return new Contestant('jax', () => new Peer(python, args, env), secondsAtMost);
}
