#!/usr/bin/env node
// npm test: set-up, then every check of the repository. `npm test -- --only NAME` runs one part of it alone.
import { start } from './setup/node-version.mjs';

await start(() => import('./test/main.mjs'));
