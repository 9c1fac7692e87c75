import { type TileBackend, tileBackend, tileKernelRefusal } from './backend.js';
import type { TileProgram } from './program.js';
import { checkKernelSetting } from './switch.js';

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
  /**
   * Why this one: it was asked for, there is no other, it was the fastest of those tried, it was the first that compiles when no time
   * was left, or it was one of the latter two in an earlier process.
   */
  readonly by: 'request' | 'only' | 'measurement' | 'first' | 'disk';
  /**
   * Among how many candidates it was chosen, here or in the earlier process, and how many of them were timed or found not to work: 0
   * where it is the first that compiles, since no time was left. Choices of before this was kept do not say.
   */
  readonly tried?: TriedCandidates;
  /** Milliseconds of one call, where it was measured. */
  readonly milliseconds?: number;
}

/** Of how many candidates a choice was made, and of how many something is known. */
export interface TriedCandidates {
  /** How many were timed, or found not to work; 0 where the first that compiles was taken. */
  readonly tried: number;
  /** How many candidates there are. */
  readonly of: number;
}

/** How a choice came about, in words: `by measurement of 3 of 6`. */
export function tileChoiceText({ by, tried }: Pick<TileChoice, 'by' | 'tried'>): string {
  if (by === 'request') return 'as asked for';
  if (by === 'only') return 'there is no other';
  const how =
    tried === undefined
      ? 'by measurement'
      : tried.tried === 0
        ? 'first that compiles, no time was left'
        : `by measurement of ${tried.tried} of ${tried.of}`;
  return by === 'disk' ? `${how}, in an earlier process` : how;
}

/** What is kept of a choice. */
interface Kept {
  readonly label: string;
  /** Of one that was measured. */
  readonly milliseconds?: number;
  /** Missing in notes of before. */
  readonly tried?: TriedCandidates;
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
 * candidate that compiles, untimed. Those that do not compile or fit are passed over. On `xla` the choice is kept on disk where
 * executables are (`PRIMAL_CACHE`), for this name, these operands and labels, this device, plugin, driver and `PRIMAL_TUNING`; not
 * so where the device's memory was too full for a candidate, which says nothing of the next process. {@link tileChoiceText} says how
 * a choice came about, and `PRIMAL_LOG=tile` on standard error what was tried.
 *
 * @returns undefined where kernels do not run ({@link tileKernelRefusal}), or no candidate works, which is warned of once
 * @throws Error when there are no candidates, `choice` is none of them, or `PRIMAL_TUNING` is no time
 */
export function chooseTile(of: TileCandidates): TileChoice | undefined {
  const choice = choose(of);
  if (choice !== undefined) {
    const { label, by, tried } = choice;
    takenOn(tileBackend()).set(JSON.stringify([of.name, label, by]), { name: of.name, label, by, tried });
  }
  return choice;
}

/** A choice of {@link chooseTile}, less the program. */
export interface TakenTile extends Pick<TileChoice, 'label' | 'by' | 'tried'> {
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
    const measure = (): Made | undefined => {
      const start = performance.now();
      const limit = Math.min(1000 * (of.seconds ?? Number.POSITIVE_INFINITY), 1000 * seconds - all.spent);
      try {
        return fastest(backend, of, start + limit, programOf, failures);
      } finally {
        all.spent += performance.now() - start;
      }
    };
    const recalled = recall(backend, key, programOf);
    const made = recalled === undefined ? measure() : undefined;
    known.set(key, recalled ?? made?.choice);
    if (made?.isLasting) {
      const { label, milliseconds, program, tried } = made.choice;
      const kept: Kept = { label, milliseconds, tried, program: JSON.stringify(program) };
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

/**
 * Checks the environment variables of kernels, `PRIMAL_KERNELS` and `PRIMAL_TUNING`, which are else read when the first kernel is.
 *
 * @throws Error that says what was given and what is expected
 */
export function checkTileSettings(): void {
  checkKernelSetting();
  tileTuningSeconds();
}

function recall(
  backend: TileBackend,
  key: string,
  programOf: (label: string) => TileProgram | undefined,
): TileChoice | undefined {
  const text = backend.recall?.(key);
  if (text === undefined) return undefined;
  const { label, milliseconds, tried, program: measured } = JSON.parse(text) as Kept;
  const program = programOf(label);
  if (program === undefined || JSON.stringify(program) !== measured) return undefined;
  return { label, program, by: 'disk', milliseconds, tried };
}

/** A choice that was made now. */
interface Made {
  readonly choice: TileChoice;
  /** Whether it holds for later processes: not where one of its candidates found the device's memory full. */
  readonly isLasting: boolean;
}

/** @param end nothing is timed from then on */
function fastest(
  backend: TileBackend,
  { name, candidates }: TileCandidates,
  end: number,
  programOf: (label: string) => TileProgram | undefined,
  failures: Map<string, string>,
): Made | undefined {
  const labels = Object.keys(candidates);
  let best: { label: string; program: TileProgram; milliseconds?: number } | undefined;
  let tried = 0;
  let isLasting = true;
  for (const label of labels) {
    const isOver = performance.now() >= end;
    if (best !== undefined && isOver) {
      log(name, `${label}: not tried, the time is over`);
      continue;
    }
    const program = programOf(label);
    if (program !== undefined) {
      try {
        if (isOver) {
          if (backend.tryTile === undefined) backend.measureTile!(program);
          else backend.tryTile(program);
          log(name, `${label}: taken, the first that compiles, since the time is over`);
          best = { label, program };
          continue;
        }
        tried++;
        const milliseconds = backend.measureTile!(program);
        log(name, `${label}: ${milliseconds.toFixed(4)} ms`);
        if (best === undefined || milliseconds < best.milliseconds!) best = { label, program, milliseconds };
        continue;
      } catch (error) {
        failures.set(label, messageOf(error));
        if (isOutOfMemory(error)) isLasting = false;
      }
    } else if (!isOver) tried++;
    log(name, `${label}: passed over, ${failures.get(label)}`);
  }
  if (best === undefined) {
    const reasons = [...failures].map(([label, reason]) => `  ${label}: ${reason}`).join('\n');
    console.warn(
      `chooseTile: no candidate of '${name}' works here, so its plain formulation runs:\n${reasons}`,
    );
    return undefined;
  }
  const isTimed = best.milliseconds !== undefined;
  const choice: TileChoice = {
    ...best,
    by: isTimed ? 'measurement' : 'first',
    // Of one that was taken untimed, those before it were tried for nothing.
    tried: { tried: isTimed ? tried : 0, of: labels.length },
  };
  return { choice, isLasting };
}

/** Whether the device's memory was full. That a kernel asks for more of a multiprocessor's memory than there is has the same code, and always holds. */
function isOutOfMemory(error: unknown): boolean {
  const { code, message = '' } = error as { readonly code?: unknown; readonly message?: string };
  return code === 'RESOURCE_EXHAUSTED' && !/(shared|tensor) memory/i.test(message);
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
