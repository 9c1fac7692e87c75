// Takes the lock of a folder and gives it back without end, for the test that kills it: node locking.mjs <directory>.
import { lockRunFolder } from '../../dist/run/run-lock.js';

process.stdout.write('started\n');
for (;;) lockRunFolder(process.argv[2])();
