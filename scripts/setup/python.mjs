import { spawnSync } from 'node:child_process';
import { delimiter, join } from 'node:path';
import { SetupError } from './failure.mjs';

const OLDEST_MINOR = 10;
/** The newest Python 3 that requirements.txt was made for; a newer one is taken only where there is no other. */
const NEWEST_MINOR = 14;

// Python 2 must be able to run this too, to be told that it is too old. In a virtual environment the interpreter that
// it was made from is the one to use: ours is replaced when it is broken.
const PROBE = `
import json, sys
try:
    import ensurepip, venv
    has_venv = True
except ImportError:
    has_venv = False
path = getattr(sys, "_base_executable", None) or sys.executable
print(json.dumps({"version": list(sys.version_info[:3]), "path": path, "hasVenv": has_venv}))
`;

function probe(command, args, env) {
  const result = spawnSync(command, [...args, '-c', PROBE], {
    env,
    encoding: 'utf8',
    timeout: 30_000,
    windowsHide: true,
  });
  if (result.status !== 0) return undefined;
  try {
    const { version, path, hasVenv } = JSON.parse(result.stdout.trim().split('\n').pop());
    return { version: version.join('.'), major: version[0], minor: version[1], path, hasVenv };
  } catch {
    // Something of that name that is not Python, such as the Windows Store's stand-in.
    return undefined;
  }
}

const isNewEnough = (python) => python.major === 3 && python.minor >= OLDEST_MINOR;
const INSTALL =
  'Install it (Debian, Ubuntu: `sudo apt install python3 python3-venv`; macOS: `brew install python`;\n' +
  'Windows: `winget install Python.Python.3.13`), or set PRIMAL_PYTHON to one that is elsewhere.';

/**
 * A Python >= 3.10 with venv and ensurepip: PRIMAL_PYTHON if that is set, else the first on the PATH. Returns
 * `{ version, path }`; throws a SetupError that says what was found and what to install.
 */
export function findPython(root, env = process.env) {
  const ownFolder = join(root, '.venv', process.platform === 'win32' ? 'Scripts' : 'bin');
  const { PYTHONHOME, PYTHONPATH, ...clean } = env;
  clean.PATH = (env.PATH ?? '')
    .split(delimiter)
    .filter((folder) => folder !== ownFolder)
    .join(delimiter);

  if (env.PRIMAL_PYTHON) {
    const python = probe(env.PRIMAL_PYTHON, [], clean);
    if (!python)
      throw new SetupError(`PRIMAL_PYTHON is ${env.PRIMAL_PYTHON}, and that does not run as Python.`);
    return check(python, `PRIMAL_PYTHON (${env.PRIMAL_PYTHON}) is`);
  }

  const names = ['python3', 'python'];
  for (let minor = NEWEST_MINOR; minor >= OLDEST_MINOR; minor--) names.push(`python3.${minor}`);
  const commands = names.map((name) => [name, []]);
  if (process.platform === 'win32') commands.push(['py', ['-3']]);

  const found = [];
  for (const [command, args] of commands) {
    const python = probe(command, args, clean);
    if (!python) continue;
    if (isNewEnough(python) && python.hasVenv && python.minor <= NEWEST_MINOR) return python;
    found.push(python);
  }
  if (found.length === 0) {
    throw new SetupError(
      `No Python was found (looked for ${names.join(', ')}). Python 3.${OLDEST_MINOR} or newer is needed, for JupyterLab and the XLA plugin.\n${INSTALL}`,
      'no-python',
    );
  }
  const best = found.find((one) => isNewEnough(one) && one.hasVenv) ?? found.find(isNewEnough) ?? found[0];
  return check(best, 'The only Python found is');
}

function check(python, subject) {
  if (!isNewEnough(python)) {
    throw new SetupError(
      `${subject} ${python.version} (${python.path}); Python 3.${OLDEST_MINOR} or newer is needed.\n${INSTALL}`,
      'old-python',
    );
  }
  if (!python.hasVenv) {
    throw new SetupError(
      `Python ${python.version} (${python.path}) lacks the venv or ensurepip module, which make virtual environments.\n` +
        `On Debian and Ubuntu: \`sudo apt install python3.${python.minor}-venv\`. Elsewhere install a complete Python, or set PRIMAL_PYTHON to one.`,
      'no-venv',
    );
  }
  return python;
}
