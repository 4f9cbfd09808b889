/* SPDX-License-Identifier: Apache-2.0 */
/* A shared object, but no module. */
int nothing_of_weirs(void);

int nothing_of_weirs(void)
{
	return 1;
}
