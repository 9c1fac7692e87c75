import { type TileBackend, tileBackend, tileKernelRefusal } from './backend.js';
import type { TileProgram } from './program.js';

/**
 * Ways to launch one kernel that differ in speed: tile sizes, warps, stages. All compute the same, up to the order of sums, and
 * read the same operands.
 */
export interface TileCandidates {
  /** What is chosen for, in messages and among the choices that are kept: name the kernel and what else tells it apart. */
  readonly name: string;
  /** How to make each program, under a label such as `64 tokens, 8 warps`, the likeliest first. What throws is passed over. */
  readonly candidates: Readonly<Record<string, () => TileProgram>>;
  /** The label of the candidate to take, unmeasured: a run is repeatable to the last bit. */
  readonly choice?: string;
  /** No further candidate is tried after this time, nor after that of all choices ({@link chooseTile}). Default: the latter alone. */
  readonly seconds?: number;
}

/** What {@link chooseTile} took. */
export interface TileChoice {
  /** The candidate's label: give it as `choice` to have the same one again. */
  readonly label: string;
  /** The candidate. */
  readonly program: TileProgram;
  /** Why this one: it was asked for, there is no other, it was the fastest of those tried, or was so in an earlier process. */
  readonly by: 'request' | 'only' | 'measurement' | 'disk';
  /** Milliseconds of one call, where it was measured. */
  readonly milliseconds?: number;
}

/** What is kept of a choice. */
interface Kept {
  readonly label: string;
  readonly milliseconds: number;
  /** The program that was measured: under the same label there may be another one by now. */
  readonly program: string;
}

/** What was chosen for a device in this process. */
interface Chosen {
  readonly choices: Map<string, TileChoice | undefined>;
  /** Milliseconds that candidates have taken so far. */
  spent: number;
}

const chosen = new WeakMap<object, Chosen>();

/** Seconds for the measurements of all choices of a process, where `PRIMAL_TUNING` does not say. */
const defaultSeconds = 6;

/**
 * The fastest of several ways to launch a kernel on the current device.
 *
 * Candidates are compiled and timed when the choice is first needed, one after the other, as long as all choices of the process have
 * taken less than `PRIMAL_TUNING` seconds together (6 unless it says otherwise). After that each further choice is the first
 * candidate that works, which is all that is compiled then. Those that do not compile or fit are passed over. On `xla` the choice
 * is kept on disk where executables are (`PRIMAL_CACHE`), for this name, these operands and labels, this device, plugin, driver
 * and `PRIMAL_TUNING`. `PRIMAL_LOG=tile` says on standard error what was tried.
 *
 * @returns undefined where kernels do not run ({@link tileKernelRefusal}), or no candidate works, which is warned of once
 * @throws Error when there are no candidates, `choice` is none of them, or `PRIMAL_TUNING` is no time
 */
export function chooseTile(of: TileCandidates): TileChoice | undefined {
  const choice = choose(of);
  if (choice !== undefined) {
    const { label, by } = choice;
    takenOn(tileBackend()).set(JSON.stringify([of.name, label, by]), { name: of.name, label, by });
  }
  return choice;
}

/** A choice of {@link chooseTile}, less the program. */
export interface TakenTile extends Pick<TileChoice, 'label' | 'by'> {
  /** What it was chosen for. */
  readonly name: string;
}

/** What {@link chooseTile} took on the current backend so far, in that order, each once: what a result says of how its kernels ran. */
export function takenTiles(): TakenTile[] {
  return [...takenOn(tileBackend()).values()];
}

const taken = new WeakMap<object, Map<string, TakenTile>>();

function takenOn(backend: TileBackend): Map<string, TakenTile> {
  let known = taken.get(backend);
  if (known === undefined) {
    known = new Map();
    taken.set(backend, known);
  }
  return known;
}

function choose(of: TileCandidates): TileChoice | undefined {
  const { name, candidates, choice } = of;
  const labels = Object.keys(candidates);
  if (labels.length === 0) throw new Error(`chooseTile: '${name}' has no candidates`);
  if (choice !== undefined && !labels.includes(choice)) {
    throw new Error(`chooseTile: '${name}' has candidates ${labels.join('; ')}, got choice '${choice}'`);
  }
  if (tileKernelRefusal() !== undefined) return undefined;
  if (choice !== undefined) return { label: choice, program: candidates[choice](), by: 'request' };
  if (labels.length === 1) return { label: labels[0], program: candidates[labels[0]](), by: 'only' };

  const backend = tileBackend();
  if (backend.measureTile === undefined) {
    throw new Error(
      `chooseTile: the backend runs kernels but cannot time them; give the choice for '${name}'`,
    );
  }
  const failures = new Map<string, string>();
  const programs = new Map<string, TileProgram>();
  const programOf = (label: string): TileProgram | undefined => {
    if (!programs.has(label) && !failures.has(label)) {
      try {
        programs.set(label, candidates[label]());
      } catch (error) {
        failures.set(label, messageOf(error));
      }
    }
    return programs.get(label);
  };
  let first: TileProgram | undefined;
  for (let i = 0; first === undefined && i < labels.length; i++) first = programOf(labels[i]);
  const seconds = tileTuningSeconds();
  const key = JSON.stringify(['tile choice', name, first?.operands, labels, seconds]);
  const all = chosenOn(backend);
  const known = all.choices;
  if (!known.has(key)) {
    const measure = (): TileChoice | undefined => {
      const start = performance.now();
      const limit = Math.min(1000 * (of.seconds ?? Number.POSITIVE_INFINITY), 1000 * seconds - all.spent);
      try {
        return fastest(backend, of, start + limit, programOf, failures);
      } finally {
        all.spent += performance.now() - start;
      }
    };
    known.set(key, recall(backend, key, programOf) ?? measure());
    const made = known.get(key);
    if (made?.by === 'measurement') {
      const { label, milliseconds, program } = made as Required<TileChoice>;
      const kept: Kept = { label, milliseconds, program: JSON.stringify(program) };
      backend.remember?.(key, JSON.stringify(kept));
    }
  }
  return known.get(key);
}

function chosenOn(backend: TileBackend): Chosen {
  let known = chosen.get(backend);
  if (known === undefined) {
    known = { choices: new Map(), spent: 0 };
    chosen.set(backend, known);
  }
  return known;
}

/**
 * How long all choices of a process may take together ({@link chooseTile}): `PRIMAL_TUNING`.
 *
 * @throws Error when it is no number of seconds
 */
export function tileTuningSeconds(): number {
  const text = process.env.PRIMAL_TUNING || String(defaultSeconds);
  const seconds = Number(text);
  if (seconds >= 0) return seconds;
  throw new Error(`PRIMAL_TUNING must be a number of seconds, 0 or more, got '${text}'`);
}

function recall(
  backend: TileBackend,
  key: string,
  programOf: (label: string) => TileProgram | undefined,
): TileChoice | undefined {
  const text = backend.recall?.(key);
  if (text === undefined) return undefined;
  const { label, milliseconds, program: measured } = JSON.parse(text) as Kept;
  const program = programOf(label);
  if (program === undefined || JSON.stringify(program) !== measured) return undefined;
  return { label, program, by: 'disk', milliseconds };
}

/** @param end no further candidate is tried then, once one works */
function fastest(
  backend: TileBackend,
  { name, candidates }: TileCandidates,
  end: number,
  programOf: (label: string) => TileProgram | undefined,
  failures: Map<string, string>,
): TileChoice | undefined {
  let best: Required<TileChoice> | undefined;
  for (const label of Object.keys(candidates)) {
    if (best !== undefined && performance.now() >= end) {
      log(name, `${label}: not tried, the time is over`);
      continue;
    }
    const program = programOf(label);
    if (program !== undefined) {
      try {
        const milliseconds = backend.measureTile!(program);
        log(name, `${label}: ${milliseconds.toFixed(4)} ms`);
        if (best === undefined || milliseconds < best.milliseconds)
          best = { label, program, by: 'measurement', milliseconds };
        continue;
      } catch (error) {
        failures.set(label, messageOf(error));
      }
    }
    log(name, `${label}: passed over, ${failures.get(label)}`);
  }
  if (best === undefined) {
    const reasons = [...failures].map(([label, reason]) => `  ${label}: ${reason}`).join('\n');
    console.warn(
      `chooseTile: no candidate of '${name}' works here, so its plain formulation runs:\n${reasons}`,
    );
  }
  return best;
}

function log(name: string, text: string): void {
  if ((process.env.PRIMAL_LOG ?? '').split(',').includes('tile'))
    console.error(`primal tile: ${name}, ${text}`);
}

/** The message's beginning on one line: compilers repeat the kernel's text. */
function messageOf(error: unknown): string {
  const text = (error instanceof Error ? error.message : String(error)).replaceAll(/\s+/g, ' ');
  return text.length > 500 ? `${text.slice(0, 500)} ..` : text;
}
