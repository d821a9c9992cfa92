/* Mounts and the file system calls that Node's fs lacks. */
#include "addon.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <sys/sysmacros.h>

/* mount(source, target, fstype, flags, data) */
static napi_value call_mount(napi_env env, napi_callback_info info) {
  napi_value args[ADDON_MAX_ARGS];
  addon_args(env, info, args);
  char *source = addon_string(env, args[0]), *target = addon_string(env, args[1]);
  char *type = addon_string(env, args[2]), *data = addon_string(env, args[4]);
  int result = mount(source, target, type, (unsigned long)addon_int(env, args[3], 0), data);
  int number = errno;
  napi_value out =
      result == 0 ? addon_undefined(env) : addon_throw_errno(env, number, "mount", target);
  free(source);
  free(target);
  free(type);
  free(data);
  return out;
}

/* umount2(target, flags) */
static napi_value call_umount2(napi_env env, napi_callback_info info) {
  napi_value args[ADDON_MAX_ARGS];
  addon_args(env, info, args);
  char *target = addon_string(env, args[0]);
  int result = umount2(target, (int)addon_int(env, args[1], 0));
  int number = errno;
  napi_value out =
      result == 0 ? addon_undefined(env) : addon_throw_errno(env, number, "umount2", target);
  free(target);
  return out;
}

/* mknod(path, mode, major, minor) */
static napi_value call_mknod(napi_env env, napi_callback_info info) {
  napi_value args[ADDON_MAX_ARGS];
  addon_args(env, info, args);
  char *path = addon_string(env, args[0]);
  dev_t device =
      makedev((unsigned)addon_int(env, args[2], 0), (unsigned)addon_int(env, args[3], 0));
  int result = mknod(path, (mode_t)addon_int(env, args[1], 0), device);
  int number = errno;
  napi_value out =
      result == 0 ? addon_undefined(env) : addon_throw_errno(env, number, "mknod", path);
  free(path);
  return out;
}

/* statfsType(path): the file system's magic number */
static napi_value call_statfs_type(napi_env env, napi_callback_info info) {
  napi_value args[ADDON_MAX_ARGS];
  addon_args(env, info, args);
  char *path = addon_string(env, args[0]);
  struct statfs found;
  int result = statfs(path, &found);
  int number = errno;
  napi_value out = result == 0 ? addon_number(env, (int64_t)(uint32_t)found.f_type)
                               : addon_throw_errno(env, number, "statfs", path);
  free(path);
  return out;
}

const struct addon_function mount_functions[] = {
    {"mount", call_mount},
    {"umount2", call_umount2},
    {"mknod", call_mknod},
    {"statfsType", call_statfs_type},
    {NULL, NULL},
};
