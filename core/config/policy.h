/* SPDX-License-Identifier: Apache-2.0 */
/* policy.h - how far a container may change by annotations what the operator configured. */
#ifndef CONFIG_POLICY_H
#define CONFIG_POLICY_H

#include "config/annotations.h"
#include "config/config.h"

/*
 * Put annotations on top of what files and command line have said, which is all in c already,
 * within the ceilings that they are. Once, before config_check, which reports each refusal with
 * the other mistakes and validates the whole. -ENOMEM, with the sentence in e, is the only error here.
 */
int policy_apply(struct config *c, const struct annotations *a, struct weir_error *e);

#endif
