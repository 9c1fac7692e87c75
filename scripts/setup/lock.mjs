import { readFileSync, renameSync, rmSync, statSync, utimesSync, writeFileSync } from 'node:fs';
import { hostname } from 'node:os';
import { setTimeout as sleep } from 'node:timers/promises';

const POLL_MS = 250;
const HEARTBEAT_MS = 5_000;
/** A holder on another machine (a shared folder, a container) is known to live by its heartbeat alone. */
const SILENT_MS = 60_000;

function isAlive(pid) {
  if (pid === undefined) return false;
  try {
    process.kill(pid, 0);
  } catch (error) {
    return error.code === 'EPERM';
  }
  if (process.platform !== 'linux') return true;
  try {
    // A zombie has ended, though nobody has asked for its exit code.
    return !/^\d+ \(.*\) Z/s.test(readFileSync(`/proc/${pid}/stat`, 'utf8'));
  } catch {
    return false;
  }
}

/** The holder that the lock file names: `{ text, pid, child, host, silentFor }`; undefined when there is no lock. */
function readHolder(path) {
  try {
    const text = readFileSync(path, 'utf8');
    const silentFor = Date.now() - statSync(path).mtimeMs;
    // Just made and not yet written, or left so by a crash: then it stays silent.
    return text === '' ? { text, host: '?', silentFor } : { text, silentFor, ...JSON.parse(text) };
  } catch (error) {
    if (error.code === 'ENOENT') return undefined;
    throw error;
  }
}

function isStale(holder) {
  if (holder.host !== hostname()) return holder.silentFor > SILENT_MS;
  // What a killed set-up had started may still be writing: that must end first.
  return !isAlive(holder.pid) && !isAlive(holder.child);
}

/** Takes the stale lock away, unless another process has just replaced it by its own. */
function removeStale(path, holder) {
  const aside = `${path}.${process.pid}`;
  try {
    renameSync(path, aside);
  } catch (error) {
    if (error.code === 'ENOENT') return;
    throw error;
  }
  if (readFileSync(aside, 'utf8') === holder.text) rmSync(aside);
  else renameSync(aside, path);
}

function describe(holder) {
  const where = holder.host === hostname() ? '' : ` on ${holder.host}`;
  const left =
    isAlive(holder.pid) || holder.host !== hostname()
      ? 'another set-up'
      : 'what an interrupted set-up started';
  return `${left} is at work here (process ${isAlive(holder.child) && !isAlive(holder.pid) ? holder.child : holder.pid}${where})`;
}

/**
 * Waits until no other set-up works in this folder, then holds the lock file `path` until `release` is called or the
 * process ends. `say` is called once with the reason when it has to wait. `setChild` notes the process that is at work
 * for the holder.
 */
export async function acquireLock(path, say) {
  let said = false;
  for (;;) {
    try {
      writeFileSync(path, JSON.stringify({ pid: process.pid, host: hostname() }), { flag: 'wx' });
      break;
    } catch (error) {
      if (error.code !== 'EEXIST') throw error;
    }
    const holder = readHolder(path);
    if (holder === undefined) continue;
    if (isStale(holder)) {
      removeStale(path, holder);
      continue;
    }
    if (!said) say(`${describe(holder)}; waiting for it. If that is wrong, delete ${path}.`);
    said = true;
    await sleep(POLL_MS);
  }

  // Someone who was told to delete the lock may have done so, and another set-up may hold it now.
  const isOurs = () => readHolder(path)?.pid === process.pid;
  const heartbeat = setInterval(() => {
    const now = new Date();
    if (isOurs()) utimesSync(path, now, now);
  }, HEARTBEAT_MS);
  heartbeat.unref();
  const remove = () => {
    if (isOurs()) rmSync(path, { force: true });
  };
  process.once('exit', remove);
  return {
    setChild(child) {
      if (!isOurs()) return;
      writeFileSync(`${path}.new`, JSON.stringify({ pid: process.pid, child, host: hostname() }));
      renameSync(`${path}.new`, path);
    },
    release() {
      clearInterval(heartbeat);
      process.removeListener('exit', remove);
      remove();
    },
  };
}
