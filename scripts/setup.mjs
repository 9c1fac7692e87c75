#!/usr/bin/env node
// npm run setup: installs what the workspace needs, at pinned versions, and builds it. Safe to repeat and to interrupt.
import { start } from './setup/node-version.mjs';

await start(() => import('./setup/main.mjs'));
