/** A failure whose message is meant for the person at the terminal; no stack is shown. */
export class SetupError extends Error {
  /** @param {string} message @param {string} [kind] one of the kinds below, where the cause is known */
  constructor(message, kind) {
    super(message);
    this.kind = kind;
  }
}

// In this order: a full disk or a proxy's certificate makes the tools report network trouble too.
const CAUSES = [
  {
    kind: 'disk',
    pattern: /ENOSPC|No space left on device|EDQUOT|Disk quota exceeded|not enough space on the disk/i,
    advice:
      'The disk is full. Free about 3 GB (here and where npm, pnpm and pip keep their caches), then run it again.',
  },
  {
    kind: 'integrity',
    pattern: /DO NOT MATCH THE HASHES|ERR_PNPM_TARBALL_INTEGRITY|EINTEGRITY/,
    advice:
      'A downloaded package is not the one that this project pins by hash. Nothing of it was installed.\n' +
      'If a mirror or proxy stands between, it may have changed the file; else try again later.',
  },
  {
    kind: 'lockfile',
    pattern: /ERR_PNPM_OUTDATED_LOCKFILE|ERR_PNPM_LOCKFILE_CONFIG_MISMATCH/,
    advice:
      'A package.json was changed without its lockfile: run `npx pnpm install` once and commit pnpm-lock.yaml.',
  },
  {
    kind: 'certificate',
    pattern:
      /CERTIFICATE_VERIFY_FAILED|SELF_SIGNED_CERT|UNABLE_TO_(GET_ISSUER|VERIFY)|self[- ]signed certificate/i,
    advice:
      'The package registry could not be trusted (TLS certificate). Behind a company proxy, give its certificate to\n' +
      'Node.js (NODE_EXTRA_CA_CERTS) and pip (PIP_CERT).',
  },
  {
    kind: 'network',
    pattern: new RegExp(
      [
        'ENOTFOUND|EAI_AGAIN|ECONNREFUSED|ECONNRESET|ETIMEDOUT|ENETUNREACH|EHOSTUNREACH|ERR_SOCKET_TIMEOUT|EIDLETIMEOUT',
        'ENETDOWN|ERR_PNPM_META_FETCH_FAIL|network connectivity|Could not fetch URL|NewConnectionError',
        'Failed to establish a new connection|Connection refused|ConnectTimeout|ReadTimeout|Read timed out|ProxyError',
        'Temporary failure in name resolution|Name or service not known|nodename nor servname|Network is unreachable',
        'Connection aborted|Connection broken|IncompleteRead',
      ].join('|'),
    ),
    advice:
      'The network did not answer: packages come from the npm registry and from PyPI. Check the connection (and\n' +
      'HTTPS_PROXY or a mirror, where you need one), then run the same command again; it goes on where it stopped.',
  },
  {
    kind: 'wheel',
    pattern: /No matching distribution found|from versions: none/,
    advice:
      'pip was offered no ready-made package that fits. Either the package index cannot be reached, or this Python is\n' +
      'not covered (CPython 3.10 to 3.14 is: set PRIMAL_PYTHON to one of those).',
  },
  {
    kind: 'venv',
    pattern: /ensurepip is not\s+available|No module named '?(venv|ensurepip)/,
    advice:
      'This Python cannot make virtual environments: on Debian and Ubuntu install python3-venv, or set PRIMAL_PYTHON.',
  },
  {
    kind: 'permission',
    pattern: /EACCES|EPERM|EROFS|Permission denied|Read-only file system/,
    advice:
      'A file could not be written (permissions). See below which, and check who owns this folder and the caches.',
  },
];

/** Finds the cause in what a tool printed: `{ kind, advice }`, or undefined when it is none of the known ones. */
export function causeOf(output) {
  return CAUSES.find((cause) => cause.pattern.test(output));
}
