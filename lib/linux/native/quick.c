/* Reading thousands of small files of the kernel a second: no exception when one is gone, which is
 * an everyday matter for cgroups and processes, and no text where a number is wanted. Failures are
 * returned as -errno. */
#include "addon.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* A number and its end of line; what stands before it may take as much again. */
#define NUMBER_BYTES 64

static bool read_path(napi_env env, napi_value value, char path[PATH_MAX]) {
  size_t length = 0;
  return napi_get_value_string_utf8(env, value, path, PATH_MAX, &length) == napi_ok &&
         length < PATH_MAX - 1;
}

/* openQuick(path): descriptor */
static napi_value call_open_quick(napi_env env, napi_callback_info info) {
  napi_value args[ADDON_MAX_ARGS];
  char path[PATH_MAX];
  addon_args(env, info, args);
  if (!read_path(env, args[0], path)) return addon_number(env, -EINVAL);
  int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
  return addon_number(env, fd < 0 ? -errno : fd);
}

/* readQuick(path, bytes): how much was read, up to the end of file or of `bytes`. Files of the
 * kernel are told in pieces of a page, so one read does not do. */
static napi_value call_read_quick(napi_env env, napi_callback_info info) {
  napi_value args[ADDON_MAX_ARGS];
  char path[PATH_MAX];
  uint8_t *data = NULL;
  size_t length = 0, used = 0;
  addon_args(env, info, args);
  if (!read_path(env, args[0], path) || !addon_bytes(env, args[1], &data, &length))
    return addon_number(env, -EINVAL);
  int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
  if (fd < 0) return addon_number(env, -errno);
  int failure = 0;
  while (used < length) {
    ssize_t got = read(fd, data + used, length - used);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) failure = errno;
    if (got <= 0) break;
    used += (size_t)got;
  }
  close(fd);
  return addon_number(env, failure != 0 ? -failure : (int64_t)used);
}

/* The number at `skip` of an open file's text; -1 when the file is gone or there is none. */
static double number_of(int fd, int32_t skip) {
  char text[2 * NUMBER_BYTES];
  ssize_t got = fd < 0 ? -1 : pread(fd, text, sizeof text, 0);
  double value = -1;
  for (ssize_t at = skip; at >= 0 && at < got && text[at] >= '0' && text[at] <= '9'; at++)
    value = (value < 0 ? 0 : value * 10) + (text[at] - '0');
  return value;
}

/* readNumbers(fds, skips, values): Int32Array, Int32Array, Float64Array as bytes, one length */
static napi_value call_read_numbers(napi_env env, napi_callback_info info) {
  napi_value args[ADDON_MAX_ARGS];
  uint8_t *fds = NULL, *skips = NULL, *values = NULL;
  size_t fds_length = 0, skips_length = 0, values_length = 0;
  addon_args(env, info, args);
  if (!addon_bytes(env, args[0], &fds, &fds_length) ||
      !addon_bytes(env, args[1], &skips, &skips_length) ||
      !addon_bytes(env, args[2], &values, &values_length))
    return addon_number(env, -EINVAL);
  size_t count = fds_length / sizeof(int32_t);
  if (skips_length / sizeof(int32_t) < count || values_length / sizeof(double) < count)
    return addon_number(env, -EINVAL);
  for (size_t index = 0; index < count; index++) {
    int32_t fd, skip;
    memcpy(&fd, fds + index * sizeof fd, sizeof fd);
    memcpy(&skip, skips + index * sizeof skip, sizeof skip);
    double value = number_of(fd, skip);
    memcpy(values + index * sizeof value, &value, sizeof value);
  }
  return addon_number(env, 0);
}

/* lookQuick(path, values): size, links, milliseconds of the last change of content, as stat(2) */
static napi_value call_look_quick(napi_env env, napi_callback_info info) {
  napi_value args[ADDON_MAX_ARGS];
  char path[PATH_MAX];
  uint8_t *data = NULL;
  size_t length = 0;
  addon_args(env, info, args);
  double values[3];
  if (!read_path(env, args[0], path) || !addon_bytes(env, args[1], &data, &length) ||
      length < sizeof values)
    return addon_number(env, -EINVAL);
  struct stat about;
  if (stat(path, &about) < 0) return addon_number(env, -errno);
  values[0] = (double)about.st_size;
  values[1] = (double)about.st_nlink;
  values[2] = (double)about.st_mtim.tv_sec * 1e3 + (double)about.st_mtim.tv_nsec / 1e6;
  memcpy(data, values, sizeof values);
  return addon_number(env, 0);
}

const struct addon_function quick_functions[] = {
    {"openQuick", call_open_quick},
    {"readQuick", call_read_quick},
    {"readNumbers", call_read_numbers},
    {"lookQuick", call_look_quick},
    {NULL, NULL},
};
