/* SPDX-License-Identifier: Apache-2.0 */
/*
 * suggest.c - edit distance (Damerau-Levenshtein, optimal string alignment).
 *
 * Inserting, deleting and replacing a letter and swapping two neighbours cost one each. A word
 * is close enough when at most a third of its letters, or one in a short word, would have to
 * change.
 */
#include <string.h>

#include "module/suggest.h"

#define WORD_MAX 32u

static unsigned int min3(unsigned int a, unsigned int b, unsigned int c)
{
	unsigned int m = a < b ? a : b;

	return m < c ? m : c;
}

static unsigned int distance(const char *a, size_t na, const char *b, size_t nb)
{
	unsigned int d[WORD_MAX + 1][WORD_MAX + 1];

	for (size_t i = 0; i <= na; i++)
		d[i][0] = (unsigned int)i;
	for (size_t j = 0; j <= nb; j++)
		d[0][j] = (unsigned int)j;
	for (size_t i = 1; i <= na; i++) {
		for (size_t j = 1; j <= nb; j++) {
			d[i][j] = min3(d[i - 1][j] + 1, d[i][j - 1] + 1,
				       d[i - 1][j - 1] + (a[i - 1] != b[j - 1]));
			if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] &&
			    d[i - 2][j - 2] + 1 < d[i][j])
				d[i][j] = d[i - 2][j - 2] + 1;
		}
	}
	return d[na][nb];
}

const char *suggest(const char *word, const char *const *words)
{
	size_t n = strlen(word);
	const char *best = NULL;
	unsigned int least = n < 6 ? 2 : (unsigned int)(n / 3 + 1);

	if (n == 0 || n > WORD_MAX)
		return NULL;
	for (; *words; words++) {
		size_t m = strlen(*words);
		unsigned int d;

		if (m > WORD_MAX)
			continue;
		d = distance(word, n, *words, m);
		if (d < least && d < m) {
			least = d;
			best = *words;
		}
	}
	return best;
}
