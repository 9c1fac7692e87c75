#!/usr/bin/env node
// npm run lab: set-up, then JupyterLab on the loopback address with the TypeScript kernel, opened at the quickstart.
import { start } from './setup/node-version.mjs';

await start(() => import('./lab/main.mjs'));
