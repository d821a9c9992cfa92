/* Memory files: sealed ones that nobody can change, and reading and writing them from the start. */
#include "addon.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/sendfile.h>
#include <unistd.h>

/* MFD_EXEC of linux/memfd.h, since 6.3. */
#define MEMORY_EXEC 0x10u

static bool write_whole(int fd, const uint8_t *data, size_t length) {
  for (size_t done = 0; done < length;) {
    ssize_t wrote = write(fd, data + done, length - done);
    if (wrote < 0 && errno != EINTR) return false;
    if (wrote > 0) done += (size_t)wrote;
  }
  return true;
}

/* The same memory, opened for reading only: the kernel executes nothing that is open for writing.
 */
static int reopen_readonly(int fd) {
  char path[40];
  snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
  return open(path, O_RDONLY | O_CLOEXEC);
}

/* A sealed memory file with `length` bytes of `data`, or with the content of `path`; -1 with errno.
 */
static int sealed_memory(const char *name, const uint8_t *data, size_t length, const char *path) {
  unsigned flags = MFD_CLOEXEC | MFD_ALLOW_SEALING;
  /* Where vm.memfd_noexec is on, a program must be said to be one; older kernels do not know it. */
  int fd = path != NULL ? memfd_create(name, flags | MEMORY_EXEC) : -1;
  if (fd < 0 && (path == NULL || errno == EINVAL)) fd = memfd_create(name, flags);
  if (fd < 0) return -1;
  int out = -1;
  if (path != NULL) {
    int in = open(path, O_RDONLY | O_CLOEXEC);
    ssize_t moved = in < 0 ? -1 : 1;
    while (moved > 0) moved = sendfile(fd, in, NULL, 1 << 24);
    if (in >= 0) close(in);
    if (moved < 0) goto done;
  } else if (!write_whole(fd, data, length)) {
    goto done;
  }
  if (fcntl(fd, F_ADD_SEALS, F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE) < 0)
    goto done;
  out = reopen_readonly(fd);
done:;
  int failed = errno;
  close(fd);
  errno = failed;
  return out;
}

/* sealedMemory(name, bytes or null, path or null): fd, read-only */
static napi_value call_sealed_memory(napi_env env, napi_callback_info info) {
  napi_value args[ADDON_MAX_ARGS];
  addon_args(env, info, args);
  char *name = addon_string(env, args[0]), *path = addon_string(env, args[2]);
  uint8_t *data = NULL;
  size_t length = 0;
  bool usable = path != NULL || addon_bytes(env, args[1], &data, &length);
  errno = EINVAL;
  int fd = usable ? sealed_memory(name ? name : "catena", data, length, path) : -1;
  napi_value out =
      fd >= 0 ? addon_number(env, fd) : addon_throw_errno(env, errno, "memfd_create", path);
  free(name);
  free(path);
  return out;
}

/* writeAt(fd, bytes): from the start; readAt(fd, bytes): bytes read from the start */
static napi_value call_write_at(napi_env env, napi_callback_info info) {
  napi_value args[ADDON_MAX_ARGS];
  addon_args(env, info, args);
  uint8_t *data = NULL;
  size_t length = 0;
  errno = EINVAL;
  if (!addon_bytes(env, args[1], &data, &length) ||
      pwrite((int)addon_int(env, args[0], -1), data, length, 0) != (ssize_t)length)
    return addon_throw_errno(env, errno, "pwrite", NULL);
  return addon_undefined(env);
}

static napi_value call_read_at(napi_env env, napi_callback_info info) {
  napi_value args[ADDON_MAX_ARGS];
  addon_args(env, info, args);
  uint8_t *data = NULL;
  size_t length = 0;
  errno = EINVAL;
  ssize_t got = addon_bytes(env, args[1], &data, &length)
                    ? pread((int)addon_int(env, args[0], -1), data, length, 0)
                    : -1;
  return got >= 0 ? addon_number(env, got) : addon_throw_errno(env, errno, "pread", NULL);
}

const struct addon_function memory_functions[] = {
    {"sealedMemory", call_sealed_memory},
    {"writeAt", call_write_at},
    {"readAt", call_read_at},
    {NULL, NULL},
};
