/* SPDX-License-Identifier: Apache-2.0 */
/* allowlist.c - a process of weir's own may make these system calls, and no other (allowlist.h). */
#include <errno.h>
#include <string.h>

#include "intercept/allowlist.h"

#if defined(__SANITIZE_ADDRESS__)
#define ALLOWLISTS 0
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define ALLOWLISTS 0
#endif
#endif
#ifndef ALLOWLISTS
#define ALLOWLISTS 1
#endif

static int allowlist_rules(scmp_filter_ctx ctx, const struct allowlist *a)
{
	int err = seccomp_attr_set(ctx, SCMP_FLTATR_CTL_OPTIMIZE, 2);

	for (size_t i = 0; !err && i < a->ncalls; i++)
		err = seccomp_rule_add(ctx, SCMP_ACT_ALLOW, a->calls[i], 0);
	for (size_t i = 0; !err && i < a->narguments; i++)
		err = seccomp_rule_add(ctx, SCMP_ACT_ALLOW, a->arguments[i].call, 1, a->arguments[i].arg);
	if (!err && a->absent)
		err = seccomp_rule_add(ctx, SCMP_ACT_ERRNO(ENOSYS), a->absent, 0);
	return err;
}

int allowlist_install(const struct allowlist *a, struct weir_error *e)
{
	scmp_filter_ctx ctx;
	int err = -ENOMEM;

	if (!ALLOWLISTS)
		return 0;
	ctx = seccomp_init(a->trap ? SCMP_ACT_TRAP : SCMP_ACT_KILL_PROCESS);
	if (ctx)
		err = allowlist_rules(ctx, a);
	if (!err)
		err = seccomp_load(ctx);
	if (ctx)
		seccomp_release(ctx);
	return err ? weir_fail(e, -err, "cannot install %s own seccomp filter: %s", a->who, strerror(-err)) : 0;
}
