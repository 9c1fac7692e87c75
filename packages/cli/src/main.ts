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

const helpWords = ['help', '--help', '-h'];

async function main([name, ...args]: readonly string[]): Promise<number> {
  const asksHelp = name !== undefined && helpWords.includes(name);
  if (name === undefined || (asksHelp && args.length === 0)) {
    console.log(usage());
    return name === undefined ? 2 : 0;
  }
  // `primal help data` and `primal data --help` ask the same.
  const subject = asksHelp ? args[0] : name;
  const command = Object.hasOwn(commands, subject) ? commands[subject] : undefined;
  try {
    if (command === undefined) throw new UsageError(`there is no command '${subject}'`);
    if (asksHelp || args.some((argument) => helpWords.slice(1).includes(argument))) {
      console.log(`Usage: ${command.usage}\n    ${command.summary}`);
      return 0;
    }
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
