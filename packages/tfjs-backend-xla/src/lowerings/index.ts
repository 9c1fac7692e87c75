// One module per family of kernels; importing them fills the table.
import './complex.js';
import './convolution.js';
import './elementwise.js';
import './gather-scatter.js';
import './linear-algebra.js';
import './normalization.js';
import './pooling.js';
import './random.js';
import './reduction.js';
import './shape.js';
