// The program of a run: the task `experiment` of its folder, and what a GPU node starts.
import { runMain } from '@primal-attention/experiment';
import { runExperiment } from './run.js';

await runMain(runExperiment);
