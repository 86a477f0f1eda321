#!/bin/bash
# mpirun as tests need it: as root, on one machine with however few cores, in a container too.
#
#     tests/support/mpirun.sh 3 PROGRAM ARGUMENTS...
#
# 0 processes: nothing was built for it; then "1..0 # SKIP" is all there is.

processes=$1
shift
if [ "$processes" -eq 0 ]; then
    echo "1..0 # SKIP built without MPI"
    exit 0
fi
here=$(cd "$(dirname "$0")" && pwd)
# What MPI keeps until the end is not ours to free, and comes from plugins that are unloaded by then, so
# that no suppression finds them; a group of one process is looked at for leaks without it.
export ASAN_OPTIONS="${ASAN_OPTIONS:-}:detect_leaks=0"
# Containers forbid reading another process's memory.
export OMPI_MCA_btl_vader_single_copy_mechanism=none
export OMPI_MCA_rmaps_base_oversubscribe=1
exec mpirun --allow-run-as-root --oversubscribe --bind-to none -n "$processes" "$@"
