#!/usr/bin/env node
import { type Command, UsageError } from './command.js';
import { bundle } from './commands/bundle.js';
import { data } from './commands/data.js';
import { doctor } from './commands/doctor.js';
import { engine } from './commands/engine.js';
import { golden } from './commands/golden.js';

const commands: Readonly<Record<string, Command>> = { doctor, engine, data, golden, bundle };

function usage(): string {
  const lines = Object.values(commands).map(({ usage, summary }) => `  ${usage}\n      ${summary}`);
  return `Usage:\n${lines.join('\n')}`;
}

async function main([name, ...args]: readonly string[]): Promise<number> {
  if (name === undefined || name === 'help' || name === '--help') {
    console.log(usage());
    return name === undefined ? 2 : 0;
  }
  const command = Object.hasOwn(commands, name) ? commands[name] : undefined;
  try {
    if (command === undefined) throw new UsageError(`there is no command '${name}'`);
    return await command.run(args);
  } catch (error) {
    if (error instanceof UsageError || (error as NodeJS.ErrnoException).code?.startsWith('ERR_PARSE_ARGS')) {
      console.error(`primal: ${(error as Error).message}\n${command ? `Usage: ${command.usage}` : usage()}`);
      return 2;
    }
    console.error(`primal ${name}: ${(error as Error).message}`);
    return 1;
  }
}

process.exitCode = await main(process.argv.slice(2));
