/* tmpcopyup: what a folder held goes into the tmpfs that will cover it. */
#include "init.h"

#include <dirent.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <sys/syscall.h>

#define MAX_DEPTH 40

struct entry64 {
  uint64_t inode;
  int64_t offset;
  uint16_t length;
  uint8_t type;
  char name[];
};

static int copy_file(int from, const char *name, int to, const struct stat *found) {
  int in = openat(from, name, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
  if (in < 0) return errno;
  int out = openat(to, name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
  int failed = out < 0 ? errno : 0;
  for (off_t left = found->st_size; failed == 0 && left > 0;) {
    ssize_t moved = sendfile(out, in, NULL, (size_t)left);
    if (moved < 0) failed = errno;
    if (moved <= 0) break;
    left -= moved;
  }
  close(in);
  if (out >= 0) close(out);
  return failed;
}

static int copy_link(int from, const char *name, int to) {
  char target[PATH_MAX];
  ssize_t length = readlinkat(from, name, target, sizeof target - 1);
  if (length < 0) return errno;
  target[length] = 0;
  return symlinkat(target, to, name) < 0 ? errno : 0;
}

static int copy_level(int from, int to, int depth);

static int copy_folder(int from, const char *name, int to, int depth) {
  if (mkdirat(to, name, 0700) < 0) return errno;
  int in = openat(from, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
  int out = openat(to, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
  int failed = in < 0 || out < 0 ? errno : copy_level(in, out, depth + 1);
  if (in >= 0) close(in);
  if (out >= 0) close(out);
  return failed;
}

static int copy_entry(int from, const char *name, int to, int depth) {
  struct stat found;
  if (fstatat(from, name, &found, AT_SYMLINK_NOFOLLOW) < 0) return errno;
  int failed;
  if (S_ISDIR(found.st_mode)) failed = copy_folder(from, name, to, depth);
  else if (S_ISREG(found.st_mode)) failed = copy_file(from, name, to, &found);
  else if (S_ISLNK(found.st_mode)) failed = copy_link(from, name, to);
  else failed = mknodat(to, name, found.st_mode, found.st_rdev) < 0 ? errno : 0;
  if (failed != 0) return failed;
  if (fchownat(to, name, found.st_uid, found.st_gid, AT_SYMLINK_NOFOLLOW) < 0) return errno;
  if (!S_ISLNK(found.st_mode) && fchmodat(to, name, found.st_mode & 07777, 0) < 0) return errno;
  struct timespec times[2] = {found.st_atim, found.st_mtim};
  return utimensat(to, name, times, AT_SYMLINK_NOFOLLOW) < 0 ? errno : 0;
}

static int copy_level(int from, int to, int depth) {
  if (depth > MAX_DEPTH) return ELOOP;
  char entries[4096] __attribute__((aligned(8)));
  for (;;) {
    long length = syscall(SYS_getdents64, from, entries, sizeof entries);
    if (length < 0) return errno;
    if (length == 0) return 0;
    for (long at = 0; at < length;) {
      const struct entry64 *entry = (const struct entry64 *)(entries + at);
      at += entry->length;
      if (strcmp(entry->name, ".") == 0 || strcmp(entry->name, "..") == 0) continue;
      int failed = copy_entry(from, entry->name, to, depth);
      if (failed != 0) return failed;
    }
  }
}

int copy_tree(int from, int to) { return copy_level(from, to, 0); }
