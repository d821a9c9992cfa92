/*
 * Paths inside the container's root. Its content is hostile: every path is resolved by openat2
 * with the root as its ceiling, and work goes on with the descriptor, never with the path again.
 */
#include "init.h"

#include <linux/openat2.h>
#include <sys/stat.h>
#include <sys/syscall.h>

int root_fd = -1;

static int open_how(int dir, const char *path, uint64_t flags, uint64_t resolve) {
  struct open_how how = {.flags = flags | O_CLOEXEC, .resolve = resolve};
  /* EAGAIN: something was renamed during the walk and the kernel cannot vouch for the result. */
  for (int tries = 0;; tries++) {
    int fd = (int)syscall(SYS_openat2, dir, path, &how, sizeof how);
    if (fd >= 0 || (errno != EAGAIN && errno != EINTR) || tries >= MAX_RETRIES) return fd;
  }
}

int open_in_root(const char *path, uint64_t flags) {
  return open_how(root_fd, path, flags, RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS);
}

int open_beneath(int dir, const char *path, uint64_t flags) {
  return open_how(dir, path, flags, RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_XDEV);
}

/* A new path for a dangling link: its target (from the root when absolute), then what followed. */
static bool follow_dangling(int dir, const char *name, const char *before, const char *rest,
                            char out[PATH_MAX]) {
  char target[PATH_MAX];
  ssize_t length = readlinkat(dir, name, target, sizeof target - 1);
  if (length <= 0) return false;
  target[length] = 0;
  const char *parts[] = {target[0] == '/' ? "" : before, "/", target, rest};
  return text_join(out, PATH_MAX, parts, 4);
}

static int make_node(int dir, const char *name, bool folder) {
  int result = folder ? mkdirat(dir, name, 0755) : mknodat(dir, name, S_IFREG | 0755, 0);
  return result == 0 || errno == EEXIST ? 0 : -1;
}

/*
 * One walk along `path`, making what is missing. Returns a descriptor, or -1; with errno 0 when a
 * dangling link was met, and `path` is then where it leads.
 */
static int walk_once(char path[PATH_MAX], enum node node, uint64_t resolve) {
  char before[PATH_MAX] = "", name[NAME_MAX + 1], next_path[PATH_MAX];
  const char *rest = path;
  int dir = open_how(root_fd, "/", O_PATH, RESOLVE_IN_ROOT);
  while (dir >= 0) {
    rest += strspn(rest, "/");
    size_t length = strcspn(rest, "/");
    if (length == 0) return dir;
    if (length > NAME_MAX) {
      close(dir);
      errno = ENAMETOOLONG;
      return -1;
    }
    memcpy(name, rest, length);
    name[length] = 0;
    rest += length;
    bool last = rest[strspn(rest, "/")] == 0;
    const char *parts[] = {before, "/", name};
    text_join(next_path, sizeof next_path, parts, 3);
    int next = open_how(root_fd, next_path, O_PATH, resolve);
    if (next < 0 && errno == ENOENT) {
      if (follow_dangling(dir, name, before, rest, next_path)) {
        close(dir);
        strcpy(path, next_path);
        errno = 0;
        return -1;
      }
      if (make_node(dir, name, !last || node == NODE_FOLDER) == 0)
        next = open_how(root_fd, next_path, O_PATH, resolve);
    }
    int failed = errno;
    close(dir);
    errno = failed;
    dir = next;
    strcpy(before, next_path);
  }
  return -1;
}

int make_in_root(const char *wanted, enum node node, bool plain) {
  uint64_t resolve = RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS;
  if (plain) resolve |= RESOLVE_NO_SYMLINKS;
  int fd = open_how(root_fd, wanted, O_PATH, resolve);
  if (fd >= 0 || errno != ENOENT) return fd;
  char path[PATH_MAX];
  const char *parts[] = {wanted};
  if (!text_join(path, sizeof path, parts, 1)) {
    errno = ENAMETOOLONG;
    return -1;
  }
  for (int links = 0; links <= MAX_LINKS_FOLLOWED; links++) {
    fd = walk_once(path, node, resolve);
    if (fd >= 0 || errno != 0) return fd;
  }
  errno = ELOOP;
  return -1;
}

int make_parent(const char *wanted, char name[NAME_MAX + 1]) {
  char path[PATH_MAX];
  size_t length = strlen(wanted);
  while (length > 0 && wanted[length - 1] == '/') length--;
  size_t start = length;
  while (start > 0 && wanted[start - 1] != '/') start--;
  size_t size = length - start;
  bool usable = size > 0 && size <= NAME_MAX && start < PATH_MAX;
  if (usable) {
    memcpy(name, wanted + start, size);
    name[size] = 0;
    usable = strcmp(name, ".") != 0 && strcmp(name, "..") != 0;
  }
  if (!usable) {
    errno = EINVAL;
    return -1;
  }
  memcpy(path, wanted, start);
  path[start] = 0;
  return make_in_root(start == 0 ? "/" : path, NODE_FOLDER, false);
}
