/* SPDX-License-Identifier: Apache-2.0 */
/* old_kernel.c - old_kernel PROGRAM [ARGUMENTS]: run it where the kernel has no SO_PEERPIDFD, as before Linux 6.5. */
#include <errno.h>
#include <seccomp.h>
#include <stdio.h>
#include <unistd.h>

#define PEERPIDFD 77

int main(int argc, char **argv)
{
	scmp_filter_ctx f = seccomp_init(SCMP_ACT_ALLOW);

	if (argc < 2 || !f || seccomp_attr_set(f, SCMP_FLTATR_CTL_NNP, 0) ||
	    seccomp_rule_add(f, SCMP_ACT_ERRNO(ENOPROTOOPT), SCMP_SYS(getsockopt), 1, SCMP_A2(SCMP_CMP_EQ, PEERPIDFD, 0)) ||
	    seccomp_load(f)) {
		fprintf(stderr, "old_kernel: no filter\n");
		return 125;
	}
	execvp(argv[1], argv + 1);
	perror(argv[1]);
	return 127;
}
