# SPDX-License-Identifier: Apache-2.0
# docs
dist_doc_DATA += \
	docs/ARCHITECTURE.md \
	docs/comparison.md \
	docs/embed_example.c \
	docs/embed_tun.c \
	docs/embedding.md \
	docs/interception.md \
	docs/observing.md \
	docs/policy.md \
	docs/security.md \
	docs/tcp-info.md \
	docs/tools.md \
	docs/toy_qdisc.c \
	docs/writing-a-module.md

include docs/man/local.mk
