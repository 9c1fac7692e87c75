import { spawn } from 'node:child_process';

/** A program that gave no answer. The message is for a file of results. */
export class ChildFailure extends Error {
  /** Whether its time was over. */
  readonly late: boolean;

  constructor(message: string, late = false) {
    super(message);
    this.late = late;
  }
}

/** How a program is started, and for how long. */
export interface ChildOptions {
  readonly command: string;
  readonly args: readonly string[];
  readonly env: NodeJS.ProcessEnv;
  /** Lines on standard output after which it may end. */
  readonly answers: number;
  /** What it is told on standard input, which then stays open until it has answered. */
  readonly input?: string;
  readonly seconds: number;
}

/** Answers of a program, JSON objects each on a line of its own, with the milliseconds from its start to each. */
export interface Answer {
  readonly ms: number;
  readonly value: Record<string, unknown>;
}

/** So much of what a program wrote about its failure is kept. */
const keptCharacters = 300;

/**
 * Runs a program until it has given its answers and ended. What it writes on standard error goes on to ours.
 *
 * @throws ChildFailure when it ends without all of them, or says `{"failure": …}`, or its time is over; it is killed then
 */
export async function askChild(options: ChildOptions): Promise<Answer[]> {
  const { command, args, env, answers: wanted, input, seconds } = options;
  const start = performance.now();
  const child = spawn(command, args, { stdio: ['pipe', 'pipe', 'pipe'], env: { ...process.env, ...env } });
  // What a program that has ended is told, it cannot hear; its missing answer says so.
  child.stdin.on('error', () => {});
  if (input !== undefined) child.stdin.write(input);
  let errors = '';
  child.stderr.on('data', (data: Buffer) => {
    process.stderr.write(data);
    errors = (errors + data.toString()).slice(-10_000);
  });
  const said: { ms: number; text: string }[] = [];
  let rest = '';
  child.stdout.on('data', (data: Buffer) => {
    const lines = (rest + data.toString()).split('\n');
    rest = lines.pop()!;
    for (const text of lines.filter((line) => line.startsWith('{'))) {
      said.push({ ms: performance.now() - start, text });
    }
    if (said.length >= wanted) child.stdin.end();
  });
  let late = false;
  const timer = setTimeout(() => {
    late = true;
    child.kill('SIGKILL');
  }, seconds * 1000);
  const [code, signal] = await new Promise<[number | null, string | null]>((resolve) => {
    child.on('error', (error) => {
      errors += error.message;
      resolve([null, null]);
    });
    child.on('close', (code, signal) => resolve([code, signal]));
    // Programs of its own that outlive it may keep its outputs open.
    child.on('exit', (code, signal) => late && resolve([code, signal]));
  });
  clearTimeout(timer);
  if (late) throw new ChildFailure('its time was over', true);
  const answers = said.map(({ ms, text }): Answer => ({ ms, value: parsed(text) }));
  const failure = answers.find(({ value }) => 'failure' in value)?.value.failure;
  if (failure !== undefined) throw new ChildFailure(shortened(String(failure)));
  if (answers.length < wanted || code !== 0) {
    const end = signal === null ? `status ${code}` : signal;
    throw new ChildFailure(shortened(`ended with ${end}: ${lastLine(errors)}`));
  }
  return answers;
}

function parsed(text: string): Record<string, unknown> {
  try {
    return JSON.parse(text) as Record<string, unknown>;
  } catch (error) {
    // Python writes NaN, which is no JSON: a loss that diverged.
    throw new ChildFailure(shortened(`said ${text}: ${(error as Error).message}`));
  }
}

/** The first line: what follows in a compiler's message are its own files and places. */
function shortened(message: string): string {
  const [line] = message.trim().split('\n');
  return line.length > keptCharacters ? `${line.slice(0, keptCharacters)}…` : line;
}

function lastLine(text: string): string {
  return text.trim().split('\n').at(-1) || 'it said nothing';
}
