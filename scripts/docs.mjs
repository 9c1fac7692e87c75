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
  validation: { invalidLink: true, notExported: false, notDocumented: true },
  requiredToBeDocumented: ['Class', 'Function', 'Interface', 'TypeAlias', 'Variable', 'Enum'],
  logLevel: 'Warn',
});
const project = await app.convert();
if (project !== undefined) {
  app.validate(project);
  if (!app.logger.hasWarnings() && !app.logger.hasErrors()) {
    await app.generateOutputs(project);
    const count = project.getReflectionsByKind(ReflectionKind.SomeExport).length;
    console.log(`docs/api: ${packages.length} packages, ${count} exports`);
  }
}
process.exitCode = project === undefined || app.logger.hasWarnings() || app.logger.hasErrors() ? 1 : 0;
