/** Why a run was not begun, which whoever asked for it can mend: the message says all, and a stack nothing. */
export class RunError extends Error {
  override readonly name = 'RunError';
}
