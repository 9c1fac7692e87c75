// pnpm docs: API pages of every package in docs/api, as Markdown, from the docstrings. Fails, and says where, when a link
// in a docstring leads nowhere or when something that a package exports has no docstring.
import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { Application, OptionDefaults, ReflectionKind } from 'typedoc';
import { ROOT } from './setup/workspace.mjs';

/** Programs have no API. */
const packages = readdirSync(join(ROOT, 'packages'))
  .filter((name) => existsSync(join(ROOT, 'packages', name, 'src', 'index.ts')))
  .map((name) => join(ROOT, 'packages', name));

const app = await Application.bootstrapWithPlugins({
  name: 'primal-attention',
  entryPoints: packages,
  entryPointStrategy: 'packages',
  packageOptions: {
    entryPoints: ['src/index.ts'],
    excludePrivate: true,
    excludeInternal: true,
    disableSources: true,
    readme: 'none',
    // tfjs reads this one from static members.
    modifierTags: [...OptionDefaults.modifierTags, '@nocollapse'],
    validation: { invalidLink: true, notExported: false, notDocumented: false },
  },
  plugin: ['typedoc-plugin-markdown'],
  out: join(ROOT, 'docs', 'api'),
  readme: 'none',
  validation: { invalidLink: true, notExported: false, notDocumented: false },
  logLevel: 'Warn',
});
const project = await app.convert();
if (project === undefined) process.exit(1);
app.validate(project);

// A package with several entry points has a module for each.
const members = ({ children }) =>
  children.flatMap((item) => (item.kind === ReflectionKind.Module ? members(item) : [item]));
const exported = members(project);
for (const item of exported) {
  const documented = [item, ...(item.signatures ?? [])].some((reflection) => reflection.hasComment());
  if (!documented) app.logger.error(`${item.getFriendlyFullName()} has no docstring`);
}

const isFlawed = () => app.logger.hasErrors() || app.logger.hasWarnings();
if (isFlawed()) process.exit(1);
await app.generateOutputs(project);
// Some links are followed only now.
if (isFlawed()) process.exit(1);
console.log(`docs/api: ${packages.length} packages, ${exported.length} exports`);
