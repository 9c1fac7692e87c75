#!/usr/bin/env node
// npm run reproduce: set-up, the experiments, and the report of ours beside the paper's.
import { start } from './setup/node-version.mjs';

await start(() => import('./reproduce/main.mjs'));
