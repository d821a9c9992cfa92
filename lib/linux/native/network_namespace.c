/* Network namespaces: the one kind that a single thread of a process may enter and leave again. */
#include "addon.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdlib.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#define OWN_NAMESPACE "/proc/thread-self/ns/net"

/* A thread left in a foreign namespace would do all later work of the process there. */
static void go_home(int home) {
  if (setns(home, CLONE_NEWNET) < 0) abort();
  close(home);
}

/* createNetworkNamespace(path): a new one, kept alive by a mount on the new file `path` */
static napi_value call_create(napi_env env, napi_callback_info info) {
  napi_value args[ADDON_MAX_ARGS];
  addon_args(env, info, args);
  char *path = addon_string(env, args[0]);
  if (path == NULL) return addon_throw_errno(env, EINVAL, "unshare", NULL);
  const char *syscall = "open";
  int failed = 0;
  int file = open(path, O_RDONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0444);
  int home = file < 0 ? -1 : open(OWN_NAMESPACE, O_RDONLY | O_CLOEXEC);
  if (file < 0 || home < 0) {
    failed = errno;
  } else if (unshare(CLONE_NEWNET) < 0) {
    syscall = "unshare";
    failed = errno;
    close(home);
  } else {
    if (mount(OWN_NAMESPACE, path, NULL, MS_BIND, NULL) < 0) {
      syscall = "mount";
      failed = errno;
    }
    go_home(home);
  }
  if (file >= 0) close(file);
  if (failed && file >= 0) unlink(path);
  napi_value out = failed ? addon_throw_errno(env, failed, syscall, path) : addon_undefined(env);
  free(path);
  return out;
}

/* callInNetworkNamespace(path, call): what `call` returns or throws; it must not wait */
static napi_value call_inside(napi_env env, napi_callback_info info) {
  napi_value args[ADDON_MAX_ARGS];
  addon_args(env, info, args);
  char *path = addon_string(env, args[0]);
  if (path == NULL) return addon_throw_errno(env, EINVAL, "setns", NULL);
  const char *syscall = "open";
  int failed = 0;
  int target = open(path, O_RDONLY | O_CLOEXEC);
  int home = target < 0 ? -1 : open(OWN_NAMESPACE, O_RDONLY | O_CLOEXEC);
  if (home < 0) {
    failed = errno;
  } else if (setns(target, CLONE_NEWNET) < 0) {
    syscall = "setns";
    failed = errno;
    close(home);
  }
  if (target >= 0) close(target);
  napi_value out = NULL;
  if (failed) {
    addon_throw_errno(env, failed, syscall, path);
  } else {
    napi_call_function(env, addon_undefined(env), args[1], 0, NULL, &out);
    go_home(home);
  }
  free(path);
  return out;
}

const struct addon_function network_namespace_functions[] = {
    {"createNetworkNamespace", call_create},
    {"callInNetworkNamespace", call_inside},
    {NULL, NULL},
};
