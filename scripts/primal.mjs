#!/usr/bin/env node
// pnpm primal …: the `primal` command of packages/cli, set up first where it is not built yet.
import { start } from './setup/node-version.mjs';

await start(() => import('./primal/main.mjs'));
