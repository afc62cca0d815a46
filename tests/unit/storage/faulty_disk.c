/* SPDX-License-Identifier: MIT */

#include "tests/unit/storage/faulty_disk.h"

#include <errno.h>
#include <pthread.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "storage/backend/disk.h"
#include "tests/unit/storage/recording.h"

struct faulty_file {
	sqlite3_file file;
	int number;        /* in the recording; -1: it is in none */
	int failure;       /* the errno with which it failed last, or 0 */
	char *folder;      /* to be synced with it the next time; or NULL */
	sqlite3_file real; /* as long as the real VFS says */
};

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct faulty_plan plan;
static bool is_armed;
static bool is_hit;
static uint64_t n_calls[FAULTY_N_CALLS];
static struct recording recording;
static sqlite3_vfs *real_vfs;

/* ---- faults ---- */

/* Returns 0 or the error to fail with. */
static int strike(enum faulty_call call)
{
	int error = 0;

	pthread_mutex_lock(&lock);
	n_calls[call]++;
	if (is_armed && plan.calls & 1u << call && !plan.n_before--) {
		error = plan.error;
		is_hit = true;
		plan.n_before = 0;
		is_armed = plan.is_lasting;
	}
	pthread_mutex_unlock(&lock);
	if (error)
		errno = error;
	return error;
}

void faulty_disk_arm(const struct faulty_plan *new_plan)
{
	pthread_mutex_lock(&lock);
	plan = *new_plan;
	is_armed = true;
	is_hit = false;
	pthread_mutex_unlock(&lock);
}

void faulty_disk_disarm(void)
{
	pthread_mutex_lock(&lock);
	is_armed = false;
	pthread_mutex_unlock(&lock);
}

bool faulty_disk_hit(void)
{
	bool r;

	pthread_mutex_lock(&lock);
	r = is_hit;
	pthread_mutex_unlock(&lock);
	return r;
}

uint64_t faulty_disk_n_calls(unsigned calls)
{
	uint64_t n = 0;

	pthread_mutex_lock(&lock);
	for (unsigned i = 0; i < FAULTY_N_CALLS; i++)
		if (calls & 1u << i)
			n += n_calls[i];
	pthread_mutex_unlock(&lock);
	return n;
}

/* ---- recording ---- */

int faulty_disk_record(const char *root)
{
	int r;

	pthread_mutex_lock(&lock);
	recording_deinit(&recording);
	r = recording_init(&recording, root);
	pthread_mutex_unlock(&lock);
	return r;
}

void faulty_disk_forget(void)
{
	pthread_mutex_lock(&lock);
	recording_deinit(&recording);
	pthread_mutex_unlock(&lock);
}

size_t faulty_disk_n_events(void)
{
	size_t n;

	pthread_mutex_lock(&lock);
	n = recording.n_events;
	pthread_mutex_unlock(&lock);
	return n;
}

int faulty_disk_image(size_t n_events, uint64_t seed, const char *to)
{
	int r;

	pthread_mutex_lock(&lock);
	r = recording_image(&recording, n_events, seed, to);
	pthread_mutex_unlock(&lock);
	return r;
}

static void note(const struct faulty_file *own, enum recording_kind kind,
		 uint64_t offset)
{
	if (own->number < 0)
		return;
	pthread_mutex_lock(&lock);
	if ((unsigned)own->number < recording.n_files)
		recording_note(&recording, kind, (unsigned)own->number, offset);
	pthread_mutex_unlock(&lock);
}

static void note_write(const struct faulty_file *own, const void *bytes, int n,
		       sqlite3_int64 offset)
{
	if (own->number < 0)
		return;
	pthread_mutex_lock(&lock);
	if ((unsigned)own->number < recording.n_files)
		recording_write(&recording, (unsigned)own->number,
				(uint64_t)offset, bytes, (size_t)n);
	pthread_mutex_unlock(&lock);
}

static void note_name(enum recording_kind kind, const char *path,
		      const char *to)
{
	pthread_mutex_lock(&lock);
	path = recording_below(&recording, path);
	if (to)
		to = recording_below(&recording, to);
	if (path)
		recording_name(&recording, kind, path, to);
	pthread_mutex_unlock(&lock);
}

static void note_folder_of(enum recording_kind kind, const char *path)
{
	char folder[4096];
	const char *slash = strrchr(path, '/');

	if (!slash)
		return;
	snprintf(folder, sizeof(folder), "%.*s", (int)(slash - path), path);
	note_name(kind, folder, NULL);
}

static int number_of(const char *path, bool is_made)
{
	const char *below;
	int number = -1;

	pthread_mutex_lock(&lock);
	below = recording_below(&recording, path);
	if (below && !is_made)
		number = recording_lookup(&recording, below);
	else if (below)
		number = (int)recording_create(&recording, below);
	pthread_mutex_unlock(&lock);
	return number;
}

/* ---- files ---- */

static struct faulty_file *own_of(sqlite3_file *file)
{
	return (struct faulty_file *)(void *)file;
}

static sqlite3_file *real_of(sqlite3_file *file)
{
	return &own_of(file)->real;
}

/* SQLite's own VFS remembers as much. */
static int strike_file(struct faulty_file *own, enum faulty_call call)
{
	int error = strike(call);

	if (error)
		own->failure = error;
	return error;
}

static int file_close(sqlite3_file *file)
{
	free(own_of(file)->folder);
	return real_of(file)->pMethods->xClose(real_of(file));
}

static int file_read(sqlite3_file *file, void *bytes, int n,
		     sqlite3_int64 offset)
{
	if (strike_file(own_of(file), FAULTY_READ))
		return SQLITE_IOERR_READ;
	return real_of(file)->pMethods->xRead(real_of(file), bytes, n, offset);
}

static bool is_spared(sqlite3_file *file, int n, sqlite3_int64 offset)
{
	sqlite3_int64 size;
	bool is_growth;

	pthread_mutex_lock(&lock);
	is_growth = is_armed && plan.is_growth;
	pthread_mutex_unlock(&lock);
	return is_growth &&
	       !real_of(file)->pMethods->xFileSize(real_of(file), &size) &&
	       offset + n <= size;
}

static int file_write(sqlite3_file *file, const void *bytes, int n,
		      sqlite3_int64 offset)
{
	int error = 0;
	int code;

	if (!is_spared(file, n, offset))
		error = strike_file(own_of(file), FAULTY_WRITE);
	if (error)
		n /= 2;
	code = n ? real_of(file)->pMethods->xWrite(real_of(file), bytes, n,
						   offset)
		 : SQLITE_OK;
	if (!code)
		note_write(own_of(file), bytes, n, offset);
	if (error)
		return error == ENOSPC ? SQLITE_FULL : SQLITE_IOERR_WRITE;
	return code;
}

static int file_truncate(sqlite3_file *file, sqlite3_int64 length)
{
	int code;

	if (strike_file(own_of(file), FAULTY_TRUNCATE))
		return SQLITE_IOERR_TRUNCATE;
	code = real_of(file)->pMethods->xTruncate(real_of(file), length);
	if (!code)
		note(own_of(file), RECORDING_TRUNCATE, (uint64_t)length);
	return code;
}

/* SQLite's own VFS syncs the folder of a log with its first sync. */
static int file_sync(sqlite3_file *file, int flags)
{
	struct faulty_file *own = own_of(file);
	int code;

	if (strike_file(own, FAULTY_SYNC)) {
		note(own, RECORDING_SYNC_FAILED, 0);
		return SQLITE_IOERR_FSYNC;
	}
	code = own->real.pMethods->xSync(&own->real, flags);
	if (code)
		return code;
	note(own, RECORDING_SYNC, 0);
	if (own->folder)
		note_folder_of(RECORDING_SYNC_FOLDER, own->folder);
	free(take_ptr(own->folder));
	return SQLITE_OK;
}

static int file_size(sqlite3_file *file, sqlite3_int64 *ret_size)
{
	return real_of(file)->pMethods->xFileSize(real_of(file), ret_size);
}

static int file_lock(sqlite3_file *file, int level)
{
	return real_of(file)->pMethods->xLock(real_of(file), level);
}

static int file_unlock(sqlite3_file *file, int level)
{
	return real_of(file)->pMethods->xUnlock(real_of(file), level);
}

static int file_check_lock(sqlite3_file *file, int *ret_is_locked)
{
	return real_of(file)->pMethods->xCheckReservedLock(real_of(file),
							   ret_is_locked);
}

static int file_control(sqlite3_file *file, int op, void *argument)
{
	if (op == SQLITE_FCNTL_LAST_ERRNO && own_of(file)->failure) {
		*(int *)argument = own_of(file)->failure;
		return SQLITE_OK;
	}
	return real_of(file)->pMethods->xFileControl(real_of(file), op,
						     argument);
}

static int file_sector_size(sqlite3_file *file)
{
	return real_of(file)->pMethods->xSectorSize(real_of(file));
}

static int file_characteristics(sqlite3_file *file)
{
	return real_of(file)->pMethods->xDeviceCharacteristics(real_of(file));
}

static int file_shm_map(sqlite3_file *file, int region, int n, int is_extended,
			void volatile **ret_map)
{
	return real_of(file)->pMethods->xShmMap(real_of(file), region, n,
						is_extended, ret_map);
}

static int file_shm_lock(sqlite3_file *file, int offset, int n, int flags)
{
	return real_of(file)->pMethods->xShmLock(real_of(file), offset, n,
						 flags);
}

static void file_shm_barrier(sqlite3_file *file)
{
	real_of(file)->pMethods->xShmBarrier(real_of(file));
}

static int file_shm_unmap(sqlite3_file *file, int is_deleted)
{
	return real_of(file)->pMethods->xShmUnmap(real_of(file), is_deleted);
}

static const sqlite3_io_methods file_methods = {
	.iVersion = 2,
	.xClose = file_close,
	.xRead = file_read,
	.xWrite = file_write,
	.xTruncate = file_truncate,
	.xSync = file_sync,
	.xFileSize = file_size,
	.xLock = file_lock,
	.xUnlock = file_unlock,
	.xCheckReservedLock = file_check_lock,
	.xFileControl = file_control,
	.xSectorSize = file_sector_size,
	.xDeviceCharacteristics = file_characteristics,
	.xShmMap = file_shm_map,
	.xShmLock = file_shm_lock,
	.xShmBarrier = file_shm_barrier,
	.xShmUnmap = file_shm_unmap,
};

/* ---- the VFS ---- */

static int open_code(int error)
{
	return error == EIO ? SQLITE_IOERR_ACCESS : SQLITE_CANTOPEN;
}

static int vfs_open(sqlite3_vfs *vfs, sqlite3_filename path, sqlite3_file *file,
		    int flags, int *ret_flags)
{
	struct faulty_file *own = own_of(file);
	bool was_there = path && access(path, F_OK) == 0;
	int error = strike(FAULTY_OPEN);
	int code;

	file->pMethods = NULL;
	if (error)
		return open_code(error);
	own->number = -1;
	own->failure = 0;
	own->folder = NULL;
	code = real_vfs->xOpen(real_vfs, path, &own->real, flags, ret_flags);
	if (code)
		return code;
	file->pMethods = &file_methods;
	if (path)
		own->number = number_of(path, !was_there);
	if (path && flags & SQLITE_OPEN_CREATE &&
	    flags & (SQLITE_OPEN_WAL | SQLITE_OPEN_MAIN_JOURNAL))
		own->folder = strdup(path);
	return SQLITE_OK;
}

static int vfs_delete(sqlite3_vfs *vfs, const char *path, int is_synced)
{
	int code;

	if (strike(FAULTY_UNLINK))
		return SQLITE_IOERR_DELETE;
	code = real_vfs->xDelete(real_vfs, path, is_synced);
	if (code)
		return code;
	note_name(RECORDING_UNLINK, path, NULL);
	if (is_synced)
		note_folder_of(RECORDING_SYNC_FOLDER, path);
	return SQLITE_OK;
}

static int vfs_access(sqlite3_vfs *vfs, const char *path, int flags,
		      int *ret_is)
{
	return real_vfs->xAccess(real_vfs, path, flags, ret_is);
}

static int vfs_full_path(sqlite3_vfs *vfs, const char *path, int n,
			 char *ret_path)
{
	return real_vfs->xFullPathname(real_vfs, path, n, ret_path);
}

static int vfs_last_error(sqlite3_vfs *vfs, int n, char *ret_text)
{
	return errno;
}

static sqlite3_vfs faulty_vfs;

/* ---- disk.h ---- */

static int call_rename(const char *from, const char *to)
{
	int error = strike(FAULTY_RENAME);
	int r = error ? -error : disk_calls_kernel.rename(from, to);

	if (!r)
		note_name(RECORDING_RENAME, from, to);
	return r;
}

static int call_one(enum faulty_call call, enum recording_kind kind,
		    int (*function)(const char *path), const char *path)
{
	int error = strike(call);
	int r = error ? -error : function(path);

	if (!r)
		note_name(kind, path, NULL);
	return r;
}

static int call_unlink(const char *path)
{
	return call_one(FAULTY_UNLINK, RECORDING_UNLINK,
			disk_calls_kernel.unlink, path);
}

static int call_sync_folder(const char *path)
{
	return call_one(FAULTY_SYNC_FOLDER, RECORDING_SYNC_FOLDER,
			disk_calls_kernel.sync_folder, path);
}

static const struct disk_calls faulty_calls = {
	.rename = call_rename,
	.unlink = call_unlink,
	.sync_folder = call_sync_folder,
};

int faulty_disk_start(void)
{
	if (real_vfs)
		return 0;
	real_vfs = sqlite3_vfs_find(NULL);
	faulty_vfs = *real_vfs;
	faulty_vfs.pNext = NULL;
	faulty_vfs.zName = FAULTY_DISK_VFS;
	faulty_vfs.szOsFile =
		(int)offsetof(struct faulty_file, real) + real_vfs->szOsFile;
	faulty_vfs.xOpen = vfs_open;
	faulty_vfs.xDelete = vfs_delete;
	faulty_vfs.xAccess = vfs_access;
	faulty_vfs.xFullPathname = vfs_full_path;
	faulty_vfs.xGetLastError = vfs_last_error;
	if (sqlite3_vfs_register(&faulty_vfs, 0))
		return -ENOMEM;
	disk_use(&faulty_calls);
	return 0;
}
