import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';

// Tools put their own caches beside what was installed, and Python compiles what it imports.
const isCache = (name) =>
  name === '__pycache__' || name === '.cache' || name === '.turbo' || name.startsWith('.vite');

function countFiles(folder) {
  let count = 0;
  for (const entry of readdirSync(folder, { withFileTypes: true })) {
    if (entry.isDirectory()) count += isCache(entry.name) ? 0 : countFiles(join(folder, entry.name));
    else count++;
  }
  return count;
}

/**
 * What lies in `folders` (relative to `root`): for each entry of a folder the number of files below it. Links are not
 * followed, but one that leads nowhere is left out. A folder that is not there has no entries.
 */
export function takeInventory(root, folders) {
  const inventory = {};
  for (const folder of folders) {
    if (!existsSync(join(root, folder))) continue;
    for (const entry of readdirSync(join(root, folder), { withFileTypes: true })) {
      if (isCache(entry.name)) continue;
      const path = `${folder}/${entry.name}`;
      if (entry.isDirectory()) inventory[path] = countFiles(join(root, path));
      else if (existsSync(join(root, path))) inventory[path] = 1;
    }
  }
  return inventory;
}

/** The first entry of `recorded` that is now missing or holds fewer files; undefined when all is there. */
export function firstMissing(recorded, now) {
  return Object.keys(recorded).find((path) => now[path] === undefined || now[path] < recorded[path]);
}
