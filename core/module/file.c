/* SPDX-License-Identifier: Apache-2.0 */
/*
 * file.c - module files, before any of their code runs.
 *
 * Theory of operation
 *
 * A module is code that runs with weir's rights. So its file, and every folder on the way to
 * it, must belong to root or to the caller, and nobody else may write to it: who can write to a
 * folder can swap what is in it. (A sticky folder further up, such as /tmp, is let pass: there
 * only the owner of an entry can swap it; but nothing is loaded out of it directly.) Symbolic
 * links are resolved first; the resolved path is then walked from / with O_NOFOLLOW, and each
 * folder is checked on the descriptor through which the next is opened, so that nothing can be
 * exchanged in between.
 *
 * The dynamic linker trusts what it maps: a file that ends before its segments do would kill
 * the process with SIGBUS. So the ELF header and the program headers are checked against the
 * file's size, on the private copy that is going to be mapped.
 */
#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <link.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/limits.h"
#include "module/file.h"

#ifndef MFD_NOEXEC_SEAL
#define MFD_NOEXEC_SEAL 0x0008u		/* Linux 6.3: the file cannot be executed; mapping it can */
#endif

/* ---- who could have written it ---- */

static int check_owner(const struct stat *st, bool parent, const char *what, const char *path,
		       struct weir_error *e)
{
	if (st->st_uid != 0 && st->st_uid != geteuid())
		return weir_fail(e, EPERM, "%s: %s belongs to user %u; it must belong to root or to "
				 "you (chown)", path, what, (unsigned int)st->st_uid);
	if ((st->st_mode & (S_IWGRP | S_IWOTH)) && !(parent && (st->st_mode & S_ISVTX)))
		return weir_fail(e, EPERM, "%s: others can write to %s (mode %04o); chmod go-w it",
				 path, what, (unsigned int)st->st_mode & 07777u);
	return 0;
}

/* Open the folder of the resolved path, with every folder on the way checked. */
static int open_folder(char *resolved, const char *path, struct weir_error *e)
{
	int dir = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC), next, err;
	char *part = resolved + 1, *slash;
	struct stat st;

	if (dir < 0)
		return weir_fail(e, errno, "%s: cannot open /: %s", path, strerror(errno));
	for (;;) {
		slash = strchr(part, '/');
		if (fstat(dir, &st)) {
			err = weir_fail(e, errno, "%s: %s", path, strerror(errno));
			goto fail;
		}
		*(part - 1) = '\0';
		err = check_owner(&st, slash != NULL, *resolved ? resolved : "/", path, e);
		*(part - 1) = '/';
		if (err)
			goto fail;
		if (!slash)
			return dir;
		*slash = '\0';
		next = openat(dir, part, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
		*slash = '/';
		if (next < 0) {
			err = weir_fail(e, errno, "%s: %s", path, strerror(errno));
			goto fail;
		}
		close(dir);
		dir = next;
		part = slash + 1;
	}
fail:
	close(dir);
	return err;
}

int module_file_open(const char *path, struct weir_error *e)
{
	char resolved[PATH_MAX];
	struct stat st;
	int dir, fd, err;

	if (!realpath(path, resolved))
		return weir_fail(e, errno, "%s: %s", path, strerror(errno));
	if (!resolved[1])
		return weir_fail(e, EISDIR, "%s: %s", path, strerror(EISDIR));
	dir = open_folder(resolved, path, e);
	if (dir < 0)
		return dir;
	fd = openat(dir, strrchr(resolved, '/') + 1,
		    O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
	if (fd < 0)
		err = errno;
	close(dir);
	if (fd < 0)
		return weir_fail(e, err, "%s: %s", path, strerror(err));
	if (fstat(fd, &st))
		err = weir_fail(e, errno, "%s: %s", path, strerror(errno));
	else if (!S_ISREG(st.st_mode))
		err = weir_fail(e, EINVAL, "%s: is no regular file; a module is a shared object", path);
	else
		err = check_owner(&st, false, "the file", path, e);
	if (err) {
		close(fd);
		return err;
	}
	return fd;
}

/* ---- is it a shared object, whole and for this machine ---- */

#if defined(__x86_64__)
#define HOST_MACHINE EM_X86_64
#elif defined(__aarch64__)
#define HOST_MACHINE EM_AARCH64
#elif defined(__riscv)
#define HOST_MACHINE EM_RISCV
#else
#define HOST_MACHINE EM_NONE		/* unknown here: left to the dynamic linker */
#endif

#define HOST_CLASS (sizeof(void *) == 8 ? ELFCLASS64 : ELFCLASS32)
#define HOST_DATA (__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__ ? ELFDATA2LSB : ELFDATA2MSB)

static const char *elf_fault(const unsigned char *file, size_t size)
{
	ElfW(Ehdr) h;
	ElfW(Phdr) ph;
	bool dynamic = false;

	if (size < sizeof(h) || memcmp(file, ELFMAG, SELFMAG))
		return "is not a shared object; a module is built with cc -shared";
	memcpy(&h, file, sizeof(h));
	if (h.e_ident[EI_CLASS] != HOST_CLASS || h.e_ident[EI_DATA] != HOST_DATA ||
	    (HOST_MACHINE != EM_NONE && h.e_machine != HOST_MACHINE))
		return "is built for another kind of machine; build it on this one";
	if (h.e_type != ET_DYN)
		return "is an object file or a program, not a shared object; build it with cc -shared";
	if (h.e_phentsize != sizeof(ph) || h.e_phnum == 0 || h.e_phoff > size ||
	    (size - h.e_phoff) / sizeof(ph) < h.e_phnum)
		return "is a damaged or half-written shared object; build it again";
	for (size_t i = 0; i < h.e_phnum; i++) {
		memcpy(&ph, file + h.e_phoff + i * sizeof(ph), sizeof(ph));
		if (ph.p_type == PT_DYNAMIC)
			dynamic = true;
		else if (ph.p_type == PT_INTERP)
			return "is a program, not a shared object; build it with cc -shared";
		if (ph.p_type != PT_LOAD && ph.p_type != PT_DYNAMIC && ph.p_type != PT_NOTE)
			continue;
		if (ph.p_offset > size || ph.p_filesz > size - ph.p_offset)
			return "is a damaged or half-written shared object; build it again";
	}
	return dynamic ? NULL : "is not a shared object; a module is built with cc -shared";
}

static int check_elf(int fd, size_t size, const char *path, struct weir_error *e)
{
	const char *fault;
	void *map;

	if (size == 0)
		return weir_fail(e, EINVAL, "%s: is empty; a module is a shared object", path);
	map = mmap(NULL, size, PROT_READ, MAP_PRIVATE, fd, 0);
	if (map == MAP_FAILED)
		return weir_fail(e, errno, "%s: %s", path, strerror(errno));
	fault = elf_fault(map, size);
	munmap(map, size);
	return fault ? weir_fail(e, ENOEXEC, "%s: %s", path, fault) : 0;
}

/* ---- the copy ---- */

/* Named after the module: who looks at the memory of a process sees whose code is where. */
static int make_memfd(const char *path)
{
	const char *base = strrchr(path, '/') ? strrchr(path, '/') + 1 : path;
	char name[96];
	int fd;

	snprintf(name, sizeof(name), MODULE_MEMFD "%.*s", (int)strcspn(base, "."), base);
	fd = memfd_create(name, MFD_CLOEXEC | MFD_ALLOW_SEALING | MFD_NOEXEC_SEAL);
	if (fd < 0 && errno == EINVAL)
		fd = memfd_create(name, MFD_CLOEXEC | MFD_ALLOW_SEALING);
	return fd;
}

static int copy_bytes(int from, int to, size_t *size, const char *path, struct weir_error *e)
{
	char chunk[32768];
	size_t total = 0;
	ssize_t n;

	while ((n = pread(from, chunk, sizeof(chunk), (off_t)total)) > 0) {
		if (total + (size_t)n > MODULE_FILE_MAX)
			return weir_fail(e, EFBIG, "%s: is larger than %u MiB; no module is", path,
					 MODULE_FILE_MAX >> 20);
		if (limits_file(total + (uint64_t)n, path, e))
			return -EFBIG;
		if (pwrite(to, chunk, (size_t)n, (off_t)total) != n)
			return weir_fail(e, ENOMEM, "%s: no memory for a copy", path);
		total += (size_t)n;
	}
	if (n < 0)
		return weir_fail(e, errno, "%s: cannot read it: %s", path, strerror(errno));
	*size = total;
	return 0;
}

bool module_file_is_copy(int fd)
{
	const int needed = F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE;
	int seals = fcntl(fd, F_GET_SEALS);

	return seals >= 0 && (seals & needed) == needed;
}

int module_file_copy(int fd, const char *path, struct weir_error *e)
{
	int copy = make_memfd(path), err;
	size_t size;

	if (copy < 0)
		return weir_fail(e, errno, "%s: no memory file for a copy: %s", path, strerror(errno));
	err = copy_bytes(fd, copy, &size, path, e);
	if (!err && fcntl(copy, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE | F_SEAL_SEAL))
		err = weir_fail(e, errno, "%s: cannot seal the copy: %s", path, strerror(errno));
	if (!err)
		err = check_elf(copy, size, path, e);
	if (err) {
		close(copy);
		return err;
	}
	return copy;
}
