/* SPDX-License-Identifier: Apache-2.0 */
/*
 * runner.h - many seeds through one scenario, in several processes.
 *
 *	sim_NAME			all of its seeds, by one worker a processor
 *	sim_NAME --seeds FIRST COUNT	these
 *	sim_NAME --seed N [-v]		one, here; with every frame
 *
 * Each seed that fails prints one line that replays it, also when it crashes.
 */
#ifndef SIM_RUNNER_H
#define SIM_RUNNER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct scenario {
	const char *name;		/* of the program */
	uint64_t seeds;			/* from 0 on */
	/* One world. False: failure says in one line what does not hold. */
	bool (*run)(uint64_t seed, bool verbose, char *failure, size_t size);
};

int run_scenario(const struct scenario *sc, int argc, char **argv);

#endif
