import type { DropoutDraw } from './dropout.js';

/** What a kernel's configuration may say of its tokens, its layer norm and its dropout. */
interface Settings {
  readonly dtype?: 'bfloat16' | 'float32';
  readonly epsilon?: number;
  readonly rate?: number;
  readonly draw?: DropoutDraw;
}

/** Checks those that there are. @throws Error that says what was given and what is expected */
export function checkSettings(caller: string, { dtype, epsilon, rate, draw }: Settings): void {
  if (dtype !== undefined) checkChoice(caller, 'dtype', dtype, ['bfloat16', 'float32']);
  if (epsilon !== undefined && !(Number.isFinite(epsilon) && epsilon >= 0)) {
    throw new Error(`${caller}: epsilon must be a number of 0 or more, got ${String(epsilon)}`);
  }
  if (rate !== undefined && !(rate >= 0 && rate < 1)) {
    throw new Error(`${caller}: rate must be in [0, 1), got ${rate}`);
  }
  if (draw !== undefined) checkChoice(caller, 'draw', draw, ['elements', 'products']);
}

/** @throws Error that lists the choices */
export function checkChoice<Choice extends string>(
  caller: string,
  name: string,
  given: Choice,
  choices: readonly Choice[],
): void {
  if (!choices.includes(given)) {
    throw new Error(`${caller}: ${name} must be one of ${choices.join(', ')}, got ${String(given)}`);
  }
}
