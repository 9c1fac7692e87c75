import { reportEngines } from '@primal-attention/engines';
import { type Command, UsageError } from '../command.js';

export const doctor: Command = {
  usage: 'primal doctor',
  summary: 'says which engines are there, which would be used, and how to get a missing one',
  async run(args) {
    if (args.length > 0) throw new UsageError(`doctor takes no arguments, got '${args.join(' ')}'`);
    console.log(`Node.js ${process.versions.node} on ${process.platform} ${process.arch}\n`);
    const engines = await reportEngines();
    const asked = process.env.PRIMAL_BACKEND || undefined;
    const used = engines.find(({ name, details }) => (asked === undefined ? details : name === asked));
    for (const { name, details, reason } of engines) {
      const state = details === undefined ? 'not available' : 'works';
      console.log(`${name}: ${state}${name === used?.name && details ? ', and would be used' : ''}`);
      for (const line of details ?? [reason]) console.log(`  ${line}`);
    }
    if (asked === undefined) {
      console.log(
        `\nUsed: ${used?.name ?? 'none'}, the first that works; PRIMAL_BACKEND=NAME chooses another.`,
      );
      return used === undefined ? 1 : 0;
    }
    if (used?.details) {
      console.log(`\nUsed: ${asked}, by PRIMAL_BACKEND.`);
      return 0;
    }
    const names = engines.map(({ name }) => name).join(', ');
    console.log(
      `\nPRIMAL_BACKEND asks for '${asked}', which ${used ? 'does not work' : `is none of ${names}`}: nothing would run.`,
    );
    return 1;
  },
};
