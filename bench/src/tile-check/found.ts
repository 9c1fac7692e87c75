/** What a check found; undefined properties do not apply. */
export interface Found {
  /** The largest error beside the plain formulation, relative to the largest number. */
  readonly error?: number;
  /** What the error may be; else the check fails. */
  readonly limit?: number;
  /** Why the check failed, besides. */
  readonly wrong?: string;
  readonly detail?: string;
}
