import * as tf from '@tensorflow/tfjs';
await tf.setBackend('cpu');
const v=tf.variable(tf.tensor1d([1,2]));
try { v.assign(v); console.log(v.dataSync()); } catch(e) {console.log(e.message, e.stack.split('\n').slice(0,4))}
const w=tf.tidy(()=>tf.variable(tf.tensor1d([1,2])));
try { w.assign(w); console.log(w.dataSync()); } catch(e) {console.log(e.message, e.stack.split('\n').slice(0,4))}
