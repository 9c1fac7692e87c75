const codeNames = [
  'OK',
  'CANCELLED',
  'UNKNOWN',
  'INVALID_ARGUMENT',
  'DEADLINE_EXCEEDED',
  'NOT_FOUND',
  'ALREADY_EXISTS',
  'PERMISSION_DENIED',
  'RESOURCE_EXHAUSTED',
  'FAILED_PRECONDITION',
  'ABORTED',
  'OUT_OF_RANGE',
  'UNIMPLEMENTED',
  'INTERNAL',
  'UNAVAILABLE',
  'DATA_LOSS',
  'UNAUTHENTICATED',
] as const;

/** The codes of PJRT, which are those of Abseil and gRPC. */
export type PjrtErrorCode = (typeof codeNames)[number];

export function codeName(code: number): PjrtErrorCode {
  return codeNames[code] ?? 'UNKNOWN';
}

/** An error that a PJRT plugin returned: its code, its message, and the C function that returned it. */
export class PjrtError extends Error {
  override readonly name = 'PjrtError';

  constructor(
    readonly code: PjrtErrorCode,
    readonly detail: string,
    readonly functionName: string,
  ) {
    super(`PJRT_${functionName}: ${code}: ${detail}`);
  }
}

/** A plugin could not be found or loaded. */
export class PluginError extends Error {
  override readonly name = 'PluginError';
}
