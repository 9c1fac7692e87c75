// Runs on any Node.js since 14: nothing here, or in a file that loads it first, may use newer syntax.

export const OLDEST_NODE = '20.19.0';

/** Throws when `version` (as in `process.versions.node`) is older than the workspace's tools can run on. */
export function checkNode(version = process.versions.node) {
  const [major, minor] = version.split('.').map(Number);
  const [oldestMajor, oldestMinor] = OLDEST_NODE.split('.').map(Number);
  if (major > oldestMajor || (major === oldestMajor && minor >= oldestMinor)) return;
  throw new Error(
    `This is Node.js ${version} (${process.execPath}); ${OLDEST_NODE} or newer is needed.\n` +
      'Install a current one from https://nodejs.org or with a version manager, and run the same command again.',
  );
}

/** Checks Node.js before anything else is even parsed, then calls `main` of the module that `load` imports. */
export async function start(load) {
  try {
    checkNode();
  } catch (error) {
    console.error(error.message);
    process.exit(1);
  }
  const { main } = await load();
  process.exitCode = await main(process.argv.slice(2));
}
