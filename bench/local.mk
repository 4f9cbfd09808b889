EXTRA_DIST += bench/demo bench/run
