/** One command of `primal`, such as `doctor`. */
export interface Command {
  /** As it is typed, with its arguments. */
  readonly usage: string;
  /** One line. */
  readonly summary: string;
  /** Runs it. @returns the exit code @throws UsageError when the arguments are wrong */
  run(args: readonly string[]): Promise<number>;
}

/** The arguments were not understood: the message says what was given, and the usage is shown after it. */
export class UsageError extends Error {
  override readonly name = 'UsageError';
}

/** What was given, for a message that says what was expected. */
export function given(args: readonly string[]): string {
  return args.length === 0 ? 'nothing' : `'${args.join(' ')}'`;
}
