import { parseArgs } from 'node:util';
import { type Source, sourceOf, sources } from '@primal-attention/datasets';
import { type Command, given, UsageError } from '../command.js';
import { doctor } from '../data/doctor.js';
import { get } from '../data/get.js';
import { list } from '../data/list.js';

export const data: Command = {
  usage: 'primal data list | get NAME [--from DIR] | doctor [NAME …] [--quick]',
  summary: 'lists the data sets, gets one from its source or a mirror folder, checks what is there',
  async run([action, ...args]) {
    switch (action) {
      case 'list':
        if (args.length > 0) throw new UsageError(`data list takes no arguments, got '${args.join(' ')}'`);
        list();
        return 0;
      case 'get': {
        const { values, positionals } = parseArgs({
          args,
          allowPositionals: true,
          options: { from: { type: 'string' } },
        });
        if (positionals.length !== 1) {
          throw new UsageError(`data get takes the name of one set, got ${given(positionals)}`);
        }
        await get(named(positionals[0]), values.from);
        return 0;
      }
      case 'doctor': {
        const { values, positionals } = parseArgs({
          args,
          allowPositionals: true,
          options: { quick: { type: 'boolean', default: false } },
        });
        const chosen = positionals.map(named);
        return doctor(chosen.length > 0 ? chosen : [...sources.values()], {
          quick: values.quick,
          required: chosen.length > 0,
        });
      }
      default:
        throw new UsageError(
          `data does list, get or doctor, got ${given(action === undefined ? [] : [action])}`,
        );
    }
  },
};

function named(name: string): Source {
  try {
    return sourceOf(name);
  } catch (error) {
    throw new UsageError((error as Error).message);
  }
}
