/* What unpacking and packing layers needs beyond Node's fs: extended attributes
 * with binary values, times with nanoseconds, syncing a file system. */
#include "addon.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

/* Largest value and list that Linux allows: XATTR_SIZE_MAX and XATTR_LIST_MAX. */
#define MAX_XATTR 65536

/* setXattr(path, name, value): does not follow a link at the end */
static napi_value call_set_xattr(napi_env env, napi_callback_info info) {
  napi_value args[ADDON_MAX_ARGS];
  addon_args(env, info, args);
  char *path = addon_string(env, args[0]), *name = addon_string(env, args[1]);
  uint8_t *data = NULL;
  size_t length = 0;
  int result = -1, number = EINVAL;
  if (path && name && addon_bytes(env, args[2], &data, &length)) {
    result = lsetxattr(path, name, data, length, 0);
    number = errno;
  }
  napi_value out =
      result == 0 ? addon_undefined(env) : addon_throw_errno(env, number, "lsetxattr", path);
  free(path);
  free(name);
  return out;
}

/* getXattr(path, name): Buffer, or undefined when there is none */
static napi_value call_get_xattr(napi_env env, napi_callback_info info) {
  napi_value args[ADDON_MAX_ARGS], out = NULL;
  addon_args(env, info, args);
  char *path = addon_string(env, args[0]), *name = addon_string(env, args[1]);
  char *value = malloc(MAX_XATTR);
  errno = ENOMEM;
  ssize_t length = value && path && name ? lgetxattr(path, name, value, MAX_XATTR) : -1;
  int number = errno;
  if (length >= 0) {
    napi_create_buffer_copy(env, (size_t)length, value, NULL, &out);
  } else if (number == ENODATA || number == EOPNOTSUPP) {
    out = addon_undefined(env);
  } else {
    out = addon_throw_errno(env, number, "lgetxattr", path);
  }
  free(value);
  free(path);
  free(name);
  return out;
}

/* listXattrs(path): names */
static napi_value call_list_xattrs(napi_env env, napi_callback_info info) {
  napi_value args[ADDON_MAX_ARGS], out = NULL;
  addon_args(env, info, args);
  char *path = addon_string(env, args[0]);
  char *list = malloc(MAX_XATTR);
  errno = ENOMEM;
  ssize_t length = list && path ? llistxattr(path, list, MAX_XATTR) : -1;
  int number = errno;
  if (length < 0 && number != EOPNOTSUPP) {
    out = addon_throw_errno(env, number, "llistxattr", path);
  } else {
    uint32_t index = 0;
    napi_create_array(env, &out);
    for (ssize_t at = 0; at < length; at += (ssize_t)strlen(list + at) + 1) {
      napi_value item;
      napi_create_string_utf8(env, list + at, NAPI_AUTO_LENGTH, &item);
      napi_set_element(env, out, index++, item);
    }
  }
  free(list);
  free(path);
  return out;
}

/* setModified(path, seconds, nanoseconds): both times, not following a link at the end */
static napi_value call_set_modified(napi_env env, napi_callback_info info) {
  napi_value args[ADDON_MAX_ARGS];
  addon_args(env, info, args);
  char *path = addon_string(env, args[0]);
  struct timespec when = {
      .tv_sec = addon_int(env, args[1], 0), .tv_nsec = addon_int(env, args[2], 0)};
  struct timespec times[2] = {when, when};
  int result = utimensat(AT_FDCWD, path, times, AT_SYMLINK_NOFOLLOW);
  int number = errno;
  napi_value out =
      result == 0 ? addon_undefined(env) : addon_throw_errno(env, number, "utimensat", path);
  free(path);
  return out;
}

/* syncFileSystem(fd) */
static napi_value call_sync_file_system(napi_env env, napi_callback_info info) {
  napi_value args[ADDON_MAX_ARGS];
  addon_args(env, info, args);
  int result = syncfs((int)addon_int(env, args[0], -1));
  return result == 0 ? addon_undefined(env) : addon_throw_errno(env, errno, "syncfs", NULL);
}

const struct addon_function layer_functions[] = {
    {"setXattr", call_set_xattr},
    {"getXattr", call_get_xattr},
    {"listXattrs", call_list_xattrs},
    {"setModified", call_set_modified},
    {"syncFileSystem", call_sync_file_system},
    {NULL, NULL},
};
