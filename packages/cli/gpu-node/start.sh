#!/bin/sh
# Runs experiments on a machine without Node.js and without a network: unpacks the archives beside this file, once, and starts the
# runner. It needs a Python with JAX's CUDA plugin (PRIMAL_PYTHON, default python3), which is not used for anything but its libraries.
set -eu
exec "${PRIMAL_PYTHON:-python3}" "$(dirname "$0")/start.py" "$@"
