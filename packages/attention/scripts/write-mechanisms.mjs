// Writes MECHANISMS.md, the table of mechanisms. Run it after a build: `pnpm mechanisms` in this package.
import { writeFileSync } from 'node:fs';
import { mechanismTable } from '../dist/mechanism-table.js';

writeFileSync(new URL('../MECHANISMS.md', import.meta.url), mechanismTable());
