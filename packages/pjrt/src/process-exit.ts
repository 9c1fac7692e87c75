import koffi from 'koffi';
import { dynamicLinker } from './dynamic-linker.js';

/** Clients that were not disposed. */
export const liveClients = new Set<{ dispose(): void }>();
let callsUnderWay = 0;

/** Notes that a native call runs on another thread, until the function that it returns is called. */
export function noteCall(): () => void {
  callsUnderWay++;
  return () => {
    callsUnderWay--;
  };
}

/*
 * Clients are destroyed before the process ends, which waits for what they run: a program that computes on while the
 * plugin's own destructors are at work is a segmentation fault now and then.
 *
 * A client that still compiles or executes on another thread must not be destroyed: that aborts the process. Node.js itself
 * waits for its threads; then the process ends without destructors, as after _exit.
 */
process.on('exit', () => {
  if (callsUnderWay === 0) for (const client of liveClients) client.dispose();
  else skipDestructors();
});

const onExit = koffi.proto('int', ['void *', 'void *']);

/**
 * Lets the C library's exit begin with _exit, by on_exit, whose functions get the exit status and are called last in, first
 * out: what was registered before, such as the plugin's destructors, is not called. Systems without on_exit have no plugins.
 */
function skipDestructors(): void {
  if (process.platform !== 'linux') return;
  const { dlsym } = dynamicLinker();
  const [register, exitNow] = ['on_exit', '_exit'].map((name) => dlsym(null, name));
  if (register === null || exitNow === null) return;
  (koffi.decode(register, onExit) as (fn: bigint, argument: null) => number)(exitNow, null);
}
