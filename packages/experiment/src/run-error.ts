/** Why a run was not begun, which whoever asked for it can mend: the message says all, and a stack nothing. */
export class RunError extends Error {
  override readonly name = 'RunError';
}

/** Errors of `check` are refusals. */
export function refusing<T>(check: () => T): T {
  try {
    return check();
  } catch (error) {
    throw refusalOf(error);
  }
}

/** Like {@link refusing}, of what takes time. */
export async function refusingAsync<T>(check: () => Promise<T>): Promise<T> {
  try {
    return await check();
  } catch (error) {
    throw refusalOf(error);
  }
}

function refusalOf(error: unknown): RunError {
  if (error instanceof RunError) return error;
  return new RunError(error instanceof Error ? error.message : String(error), { cause: error });
}
