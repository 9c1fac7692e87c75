// Writes SUPPORT.md, the table of kernels. Run it after a build: `pnpm support` in this package.
import { writeFileSync } from 'node:fs';
import '@tensorflow/tfjs';
import '../dist/index.js';
import { supportTable } from '../dist/support.js';

writeFileSync(new URL('../SUPPORT.md', import.meta.url), supportTable());
