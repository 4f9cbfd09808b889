/* SPDX-License-Identifier: Apache-2.0 */
/* text.c - the text of a file that somebody else wrote: never more of it than a limit. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "config/sections.h"

char *config_text(int fd, const char *file, const char *wanted, struct weir_error *e)
{
	char *text = malloc(CONFIG_TEXT_MAX + 1);
	size_t used = 0;
	ssize_t n;

	if (!text) {
		weir_fail(e, ENOMEM, "%s: out of memory", file);
		return NULL;
	}
	while ((n = read(fd, text + used, CONFIG_TEXT_MAX + 1 - used)) > 0) {
		used += (size_t)n;
		if (used > CONFIG_TEXT_MAX) {
			weir_fail(e, EFBIG, "%s: is larger than %u bytes; no configuration is", file,
				  CONFIG_TEXT_MAX);
			goto fail;
		}
	}
	if (n < 0) {
		weir_fail(e, errno, "%s: cannot read it: %s", file, strerror(errno));
		goto fail;
	}
	if (memchr(text, '\0', used)) {
		weir_fail(e, EILSEQ, "%s: is no text file; %s is wanted", file, wanted);
		goto fail;
	}
	text[used] = '\0';
	return text;
fail:
	free(text);
	return NULL;
}
