import { build } from '../build.mjs';
import { main as primal } from '../primal/main.mjs';

/** The build, which sets a fresh clone up, then `primal golden` with the arguments. Returns the exit code. */
export async function main(args) {
  const code = build('golden', ['@primal-attention/cli']);
  return code === 0 ? primal(['golden', ...args]) : 1;
}
