/* SPDX-License-Identifier: Apache-2.0 */
/* suggest.h - "did you mean": the known word that a mistyped one is closest to. */
#ifndef MODULE_SUGGEST_H
#define MODULE_SUGGEST_H

/* words is closed by NULL. NULL: none is close enough to be worth naming. */
const char *suggest(const char *word, const char *const *words);

#endif
