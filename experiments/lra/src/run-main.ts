// The program of a run: the task `experiment` of its folder, and what a GPU node starts.
import { makeRun, runMain } from '@primal-attention/experiment';
import { lraExperiment } from './run.js';

await runMain((request) => makeRun(request, lraExperiment()));
