export { PathfinderGenerator, type PathfinderLabels } from './generate.js';
export { type GeneratePathfinderOptions, generatePathfinder, type PathfinderSet } from './make.js';
export { type LoadPathfinderOptions, loadPathfinder } from './read.js';
export { type PathfinderLevel, type PathfinderSettings, pathfinderLevels } from './settings.js';
