#!/usr/bin/env node
// pnpm golden --dir DIR: `primal golden`, with what it needs built first.
import { start } from './setup/node-version.mjs';

await start(() => import('./golden/main.mjs'));
