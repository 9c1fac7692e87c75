// One module per family of kernels; importing them fills the table.
import './complex.js';
import './convolution.js';
import './counting.js';
import './elementwise.js';
import './gather-scatter.js';
import './image.js';
import './linear-algebra.js';
import './morphology.js';
import './normalization.js';
import './pooling.js';
import './projection.js';
import './random.js';
import './reduction.js';
import './shape.js';
import './sorting.js';
import './space.js';
