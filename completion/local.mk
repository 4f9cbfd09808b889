# SPDX-License-Identifier: Apache-2.0
# Where bash looks for them: below our own prefix, or with --with-bash-completion-dir=DIR elsewhere.
bashcompletiondir = @bashcompletiondir@
dist_bashcompletion_DATA = completion/weir
