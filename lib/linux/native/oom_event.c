/* Out-of-memory events of a v1 memory cgroup, by an eventfd that the kernel counts up. */
#include "addon.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

/* Tells the kernel which eventfd hears of which file. Returns -1 with errno set. */
static int register_event(const char *folder, int event) {
  char path[4096], line[64];
  snprintf(path, sizeof path, "%s/memory.oom_control", folder);
  int control = open(path, O_RDONLY | O_CLOEXEC);
  if (control < 0) return -1;
  snprintf(path, sizeof path, "%s/cgroup.event_control", folder);
  int target = open(path, O_WRONLY | O_CLOEXEC);
  int length = snprintf(line, sizeof line, "%d %d", event, control);
  ssize_t put = target < 0 ? -1 : write(target, line, (size_t)length);
  int number = errno;
  if (target >= 0) close(target);
  close(control);
  errno = number;
  return put == length ? 0 : -1;
}

/* oomEventDescriptor(folder): eventfd */
static napi_value call_open(napi_env env, napi_callback_info info) {
  napi_value args[ADDON_MAX_ARGS], out;
  addon_args(env, info, args);
  char *folder = addon_string(env, args[0]);
  int event = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
  if (folder == NULL || event < 0) {
    out = addon_throw_errno(env, folder ? errno : EINVAL, "eventfd", folder);
  } else if (register_event(folder, event) < 0) {
    out = addon_throw_errno(env, errno, "write", folder);
    close(event);
  } else {
    out = addon_number(env, event);
  }
  free(folder);
  return out;
}

/* takeEvents(eventfd): how many came since the last call */
static napi_value call_take(napi_env env, napi_callback_info info) {
  napi_value args[ADDON_MAX_ARGS];
  addon_args(env, info, args);
  uint64_t count = 0;
  ssize_t got = read((int)addon_int(env, args[0], -1), &count, sizeof count);
  if (got < 0 && errno != EAGAIN) return addon_throw_errno(env, errno, "read", NULL);
  return addon_number(env, got == sizeof count ? (int64_t)count : 0);
}

const struct addon_function oom_event_functions[] = {
    {"oomEventDescriptor", call_open},
    {"takeEvents", call_take},
    {NULL, NULL},
};
