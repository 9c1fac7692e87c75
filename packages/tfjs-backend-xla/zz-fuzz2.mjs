Error.stackTraceLimit=30; const log_stack=(e)=>e.stack.split("\n").filter(l=>/zz-fuzz/.test(l)).join("\n");
import * as tf from '@tensorflow/tfjs';
import '@primal-attention/tfjs-backend-xla';
import { scan, jit as rjit, checkpoint } from '@primal-attention/runtime';
await tf.setBackend('xla'); await tf.ready();
const backend = tf.backend();
const M = 251;
function rng(seed){ let s = seed>>>0; return () => { s = (s + 0x6D2B79F5)>>>0; let t = s; t = Math.imul(t ^ (t>>>15), t|1); t ^= t + Math.imul(t ^ (t>>>7), t|61); return ((t ^ (t>>>14))>>>0)/4294967296; }; }
const turn = () => new Promise((r) => setImmediate(r));
const sleep = (ms) => new Promise((r) => setTimeout(r, ms));
function slowZero(n){ const half = tf.eye(4).mul(0.5); return scan((c,_)=>[tf.matMul(c,half),null], tf.zeros([1,4]), null, {length:n})[0].sum(); }
// ------ model arithmetic
const mod = (x) => ((x % M) + M) % M;
const lin = (terms, c) => terms[0][1].map((_, i) => mod(terms.reduce((s,[k,a]) => s + k*a[i], c)));
const tlin = (terms, c) => { let y = null; for (const [k,t] of terms){ const z = tf.mul(t,k); y = y===null? z : tf.add(y,z);} return tf.mod(tf.add(y,c), M); };

async function trial(seed, verbose){
  const r = rng(seed); const int = (n) => Math.floor(r()*n); const pick = (a) => a[int(a.length)]; const chance = (p) => r() < p;
  const log = []; const say = (s) => { log.push(s); if (verbose) console.log(s); };
  const start = { ...tf.memory() };
  const nV = 2 + int(3);
  const sizes = [3, 1500];
  const size = pick(sizes);
  const fresh = () => Array.from({length:size}, (_,i)=> mod(int(M)+ 3*i));
  const vars = []; const model = [];
  for (let i=0;i<nV;i++){ const a = fresh(); vars.push(tf.tidy(()=>tf.variable(tf.tensor1d(a)))); model.push(a); }
  // ---- functions: list of instr { kind:'assign', v, terms } or result
  const nF = 1 + int(3);
  const functions = [];
  for (let f=0; f<nF; f++){
    const instrs = []; const k = int(4);
    for (let i=0;i<k;i++) instrs.push({ v:int(nV), terms: Array.from({length:1+int(2)}, ()=>[1+int(3), chance(0.25)? 'x' : int(nV)]), c:int(5) });
    const outs = Array.from({length:int(4)}, () => chance(0.3) ? { raw: chance(0.3)?'x':int(nV) } : { terms: Array.from({length:1+int(2)}, ()=>[1+int(3), chance(0.25)? 'x' : int(nV)]), c:int(5), sum: chance(0.3) });
    const check = chance(0.2);
    const useRuntime = chance(0.5);
    const captured = chance(0.3) ? { a: fresh() } : null;
    if (captured) captured.t = tf.tensor1d(captured.a);
    const makes = chance(0.25);
    let own; // variable made at first trace
    const F = { instrs, outs, captured, makes, own: null };
    const body = (x, opts) => {
      const get = (s) => s === 'x' ? x : vars[s];
      if (makes) F.own ??= tf.tidy(() => tf.variable(tf.mod(tf.add(x, vars[0]), M)));
      const go = () => {
      for (const ins of instrs) {
        const val = () => tlin(ins.terms.map(([k,s])=>[k,get(s)]), ins.c);
        vars[ins.v].assign(check ? checkpoint(val)() : val());
      } };
      go();
      if (makes) F.own.assign(tlin([[2,F.own],[1,x]],1));
      if (opts.slow) vars[0].assign(tf.add(vars[0], slowZero(opts.slow)));
      if (opts.fail) throw new Error('on purpose');
      const res = outs.map((o) => {
        if (o.raw !== undefined) return get(o.raw);
        const y = tlin(o.terms.map(([k,s])=>[k,get(s)]), o.c);
        return o.sum ? tf.mod(tf.sum(y), M) : y;
      });
      if (captured) res.push(tf.mod(tf.add(captured.t, x), M));
      if (makes) res.push(F.own);
      return { res, label: opts.label };
    };
    F.assigned = new Set(instrs.map((i)=>i.v));
    F.fn = useRuntime ? rjit(body) : backend.jit(body);
    F.apply = (x, opts) => {
      const get = (s) => s === 'x' ? x : model[s];
      // reads of first value for own
      if (makes && !F.ownModel) F.ownModel = lin([[1,x],[1,model[0]]],0);
      if (opts.fail) return null;
      for (const ins of instrs) model[ins.v] = lin(ins.terms.map(([k,s])=>[k,get(s)]), ins.c);
      if (makes) F.ownModel = lin([[2,F.ownModel],[1,x]],1);
      const res = outs.map((o)=>{ if (o.raw!==undefined) return get(o.raw); const y = lin(o.terms.map(([k,s])=>[k,get(s)]), o.c); return o.sum ? [mod(y.reduce((a,b)=>a+b,0))] : y; });
      if (captured) res.push(lin([[1,captured.a],[1,x]],0));
      if (makes) res.push(F.ownModel);
      return res;
    };
    F.touch = (slow) => { const reads=new Set(); const writes=new Set(F.assigned); if (slow) writes.add(0); for (const i of instrs) for (const [,s] of i.terms) if (s!=='x') reads.add(s); for (const o of outs){ if (o.raw!==undefined){ if(o.raw!=='x') reads.add(o.raw);} else for (const [,s] of o.terms) if (s!=='x') reads.add(s);} if (makes){writes.add('own'+f); reads.add(0);} return {reads,writes}; };
    functions.push(F); say(`f${f}: ${JSON.stringify(F)} check ${check}`);
  }
  const live = []; // {t, a}
  const queue = []; // {F, x(array), opts, done, promise}
  const checks = [];
  const fail = (msg) => { const e = new Error(`seed ${seed}: ${msg}\n` + log.slice(-70).join('\n')); throw e; };
  const equal = (got, want, what) => { if (got.length !== want.length || want.some((w,i)=>w!==got[i])) fail(`${what}: got ${Array.from(got).slice(0,5)}, expected ${want.slice(0,5)}`); };
  const addLive = (t, a) => live.push({ t, a });
  // settle in model the first n of queue
  const settle = (n) => { while (n-- > 0) { const q = queue.shift(); q.expected = q.F.apply(q.x, q.opts); q.settled = true; } };
  const settleOver = () => { let n = 0; queue.forEach((q,i)=>{ if (q.over) n = i+1; }); settle(n); };
  const opts = () => { const o = { label: chance(0.3)? 'a':'b', slow: chance(0.15) ? 200000+int(3)*400000 : 0, fail: chance(0.06) }; return o; };
  const known = new Set();
  const keyOf = (f, o) => `${f}|${o.label}|${o.slow}|${o.fail}`;
  const newArg = () => { if (live.length && chance(0.4)) { const l = pick(live.filter(l=>l.a.length===size)) ; if (l) return { ...l, own:false }; } const a = fresh(); return { t: tf.tensor1d(a), a, own:true }; };
  const compareResult = (out, expected, o, what) => {
    if (out.label !== o.label) fail('label');
    out.res.forEach((t,i) => { addLive(t, expected[i]); });
  };
  const steps = 30 + int(40);
  for (let s=0; s<steps; s++){
    settleOver();
    const queuedWrites = new Set(queue.flatMap((q)=>[...q.F.touch(q.opts.slow).writes]));
    const queuedReads = new Set(queue.flatMap((q)=>[...q.F.touch(q.opts.slow).reads]));
    const k = int(15);
    if (k <= 1) { // plain call
      const fi = int(nF), F = functions[fi], o = opts(), x = newArg();
      say(`plain ${fi} ${JSON.stringify(o)} of step ${s}, queue ${queue.map(q=>q.name+(q.over?'!':''))}`);
      const inTidy = chance(0.3);
      // model: conflicts → all queue is settled up to last conflict. If unknown programs: all. To be deterministic: compute possible
      // since order is only observable through conflicts, settle everything in model when conflict; otherwise commuting.
      const T = F.touch(o.slow);
      const conflict = (q) => { const t = q.F.touch(q.opts.slow); return [...t.writes].some((w)=>T.reads.has(w)||T.writes.has(w)) || [...t.reads].some((w)=>T.writes.has(w)); };
      let last = -1; queue.forEach((q,i)=>{ if (conflict(q)) last = i; });
      settle(last+1);
      let out, err;
      try { if (inTidy) { out = tf.tidy(()=> { const y = F.fn(x.t, o); return y; }); } else out = F.fn(x.t, o); } catch (e) { err = e; }
      if (o.fail) { if (!err || !/on purpose/.test(err.message)) fail(`plain: expected failure, got ${err}`); F.apply(x.a, o); }
      else { if (err) fail(`plain failed: ${err.stack}`); compareResult(out, F.apply(x.a,o), o); }
      if (x.own) x.t.dispose();
      // calls that were brought to their end settle in model only when needed; they may be over now (unknown programs)
      for (let i=0;i<2;i++) await null;
    } else if (k <= 4) { // async call
      const fi = int(nF), F = functions[fi], o = opts(), x = newArg();
      say(`async ${fi} ${JSON.stringify(o)} of step ${s}`);
      const q = { F, x: x.a, opts: o };
      queue.push(q);
      q.promise = F.fn.async(x.t, o).then((y)=>{ q.over = true; q.out = y; }, (e)=>{ q.over = true; q.error = e; });
      q.name = `async ${fi} ${JSON.stringify(o)} of step ${s}`;
      checks.push(async () => { await q.promise; if (!q.settled) settle(queue.indexOf(q)+1); if (o.fail) { if (!q.error || !/on purpose/.test(q.error.message)) fail(`${q.name}: expected failure, got ${q.error}`);} else { if (q.error) fail(`${q.name}: ${q.error.stack}`); q.out.res.forEach((t,i)=>{ equal(t.dataSync(), q.expected[i], q.name+' result '+i); t.dispose(); }); } });
      if (x.own || chance(0.2)) { x.t.dispose(); if (!x.own) live.splice(live.findIndex(l=>l.t===x.t),1); }
    } else if (k === 5 && live.length) { // dispose
      const i = int(live.length); say(`dispose`); live[i].t.dispose(); live.splice(i,1);
    } else if (k === 6 && live.length) { const l = pick(live); say('readSync'); equal(l.t.dataSync(), l.a, 'readSync'); }
    else if (k === 7 && live.length) { const l = pick(live); say('read'); const step=s; const d = chance(0.3); const p = l.t.data(); p.catch(()=>{}); checks.push(async () => equal(await p, l.a, `read of step ${step}`)); if (d) { say(' and dispose'); l.t.dispose(); live.splice(live.indexOf(l),1); } }
    else if (k === 8 && live.length) { const a = pick(live), b = pick(live.filter((l)=>l.a.length===a.a.length)); say('eager'); addLive(tf.tidy(()=>tlin([[2,a.t],[1,b.t]],3)), lin([[2,a.a],[1,b.a]],3)); }
    else if (k === 9) { const v = int(nV); if (queuedWrites.has(v)) continue; const how = int(5); say(`view ${v} ${how}`); 
      const m = model[v];
      if (how===0) addLive(vars[v].clone(), m); else if (how===1) { addLive(tf.tidy(()=>vars[v].reshape([size,1]).as1D()), m); } else if (how===2) addLive(tf.tidy(()=>tlin([[3,vars[v]]],1)), lin([[3,m]],1)); else if (how===3) equal(vars[v].dataSync(), m, `variable ${v}`); else { const p = vars[v].data(); checks.push(async()=>equal(await p, m, `variable ${v} async of step ${s}`)); } }
    else if (k === 10) { const v = int(nV); if (queuedWrites.has(v) || queuedReads.has(v)) continue; const c = live.filter((l)=>l.a.length===size); const how=int(3); say(`assign ${v} ${how} of step ${s}, queue ${queue.map(q=>q.name+(q.over?'!':''))}`);
      if (how===0 || !c.length) { const a = fresh(); const t = tf.tensor1d(a); vars[v].assign(t); t.dispose(); model[v] = a; }
      else if (how===1) { const l = pick(c); vars[v].assign(l.t); model[v] = l.a; }
      else { const w = int(nV); if (queuedWrites.has(w)||w===v) continue; vars[v].assign(vars[w]); model[v] = model[w]; } }
    else if (k === 11) { say('turn'); const n = int(4); for (let i=0;i<n;i++) await turn(); if (chance(0.3)) await sleep(int(12)); }
    else if (k === 12 && chance(0.3)) { const fi = int(nF); say(`dispose fn ${fi}`); if (!functions[fi].makes) functions[fi].fn.dispose(); }
    else if (k === 13 && queue.length && chance(0.5)) { const q = pick(queue); say('await'); await q.promise; }
    else if (k === 14) { // gradient through plain call, of x only
      const fi = int(nF), F = functions[fi];
      if (F.instrs.length || F.makes) continue;
      if (!F.outs.some((o)=>o.terms)) continue;
      const o = { label:'a', slow:0, fail:false }; const a = fresh(); say(`grad ${fi}`);
      const T = F.touch(0); let last=-1; queue.forEach((q,i)=>{ const t=q.F.touch(q.opts.slow); if ([...t.writes].some((w)=>T.reads.has(w))) last=i; }); settle(last+1);
      const x = tf.tensor1d(a); const g = tf.grad((x)=> tf.add(tf.sum(tf.mul(x,2)), tf.mul(0, tf.sum(F.fn(x,o).res.find((t,i)=>F.outs[i]?.terms)))))(x); equal(g.dataSync(), a.map(()=>2), 'grad'); tf.dispose([x,g]);
    }
  }
  say('end');
  for (const c of checks) await c();
  settle(queue.length);
  for (const l of live) { equal(l.t.dataSync(), l.a, 'live'); }
  vars.forEach((v,i)=>equal(v.dataSync(), model[i], `variable ${i} at the end`));
  for (const F of functions) if (F.own) equal(F.own.dataSync(), F.ownModel, 'own');
  tf.dispose(live.map(l=>l.t));
  for (const F of functions) { F.fn.dispose(); F.captured?.t.dispose(); F.own?.dispose(); }
  tf.dispose(vars);
  const end = tf.memory();
  if (end.numTensors !== start.numTensors || end.numDataBuffers !== start.numDataBuffers) fail(`memory: ${start.numTensors}/${start.numDataBuffers} → ${end.numTensors}/${end.numDataBuffers}`);
}
const from = Number(process.argv[2]), to = Number(process.argv[3] ?? from+1); const verbose = process.argv[4]==='v';
let bad = 0; const t0 = Date.now();
process.on('unhandledRejection', (e) => { console.log('UNHANDLED', e?.stack); });
for (let seed=from; seed<to; seed++){ try { await trial(Number(process.env.SEED), verbose); } catch (e) { bad++; console.log(e.message.slice(0,8000)); console.log(log_stack(e)); if(0) console.log(e.stack.split('\n').filter(l=>/^\s+at/.test(l)).slice(0,6).join('\n')); if (bad>3) break; try { tf.disposeVariables(); } catch{} } if (Date.now()-t0>150000) { console.log('time at', seed); break; } }
console.log('done', bad, Date.now()-t0);
