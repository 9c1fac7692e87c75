import { dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { importState } from '../bundle/import.js';
import { pack } from '../bundle/pack.js';
import { type Command, UsageError } from '../command.js';

/** The root of the repository: packages/cli/dist/commands is four folders below it. */
const root = resolve(dirname(fileURLToPath(import.meta.url)), '..', '..', '..', '..');

export const bundle: Command = {
  usage: 'primal bundle [--data NAME,…] [--out DIR] | bundle --import STATE',
  summary: 'packs experiments for a GPU node without a network, or takes in what finished there',
  async run(args) {
    const { values } = parseArgs({
      args: [...args],
      options: { data: { type: 'string' }, out: { type: 'string' }, import: { type: 'string' } },
    });
    // A package manager runs a script in the package's folder, and says where it was called.
    const here = process.env.INIT_CWD ?? process.cwd();
    const say = (line: string): void => console.log(line);
    if (values.import !== undefined) {
      if (values.data !== undefined || values.out !== undefined) {
        throw new UsageError('bundle --import goes with nothing else');
      }
      importState(resolve(here, values.import), root, say);
      return 0;
    }
    const out = values.out === undefined ? join(root, '.gpu', 'bundle') : resolve(here, values.out);
    const data = (values.data ?? '').split(',').filter((name) => name !== '');
    await pack({ root, out, data, say });
    say(`in ${out}; on the node: sh start.sh --runs EXPERIMENT/RUN,… --out DIR`);
    return 0;
  },
};
