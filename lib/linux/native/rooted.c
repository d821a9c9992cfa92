/* Opening paths that someone else controls, without ever leaving a given root folder. */
#include "addon.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

/* The kernel answers EAGAIN when a rename raced with the walk; a hostile container could make it
   do so for ever. */
#define MAX_ATTEMPTS 64

/* openInRoot(rootFd, path, flags, mode): fd. Links, absolute ones too, are followed inside it. */
static napi_value call_open_in_root(napi_env env, napi_callback_info info) {
  napi_value args[ADDON_MAX_ARGS];
  addon_args(env, info, args);
  char *path = addon_string(env, args[1]);
  struct open_how how = {
      .flags = (uint64_t)addon_int(env, args[2], 0) | O_CLOEXEC,
      .mode = (uint64_t)addon_int(env, args[3], 0),
      .resolve = RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS,
  };
  long fd = -1;
  int attempts = 0;
  int root = (int)addon_int(env, args[0], -1);
  do fd = syscall(SYS_openat2, root, path ? path : "", &how, sizeof how);
  while (fd < 0 && (errno == EAGAIN || errno == EINTR) && ++attempts < MAX_ATTEMPTS);
  int number = errno;
  napi_value out =
      fd >= 0 ? addon_number(env, fd) : addon_throw_errno(env, number, "openat2", path);
  free(path);
  return out;
}

const struct addon_function rooted_functions[] = {
    {"openInRoot", call_open_in_root},
    {NULL, NULL},
};
