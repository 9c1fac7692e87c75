#!/usr/bin/env node
// pnpm report [--json]: the paper's tables beside what the experiments' committed results say, in report/.
import { start } from './setup/node-version.mjs';

await start(() => import('./report/main.mjs'));
