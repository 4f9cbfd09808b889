/* SPDX-License-Identifier: Apache-2.0 */
/* path.h - the folders that modules are searched in. Private to module/. */
#ifndef MODULE_PATH_H
#define MODULE_PATH_H

#include <weir/error.h>

/* "a:b" -> { "a", "b", NULL } */
int module_path_split(const char *text, char ***folders, struct weir_error *e);
void module_path_free(char **folders);

#endif
