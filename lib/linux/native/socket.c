/* Channels between processes that Bun does not make: pipes, and unix sockets of any type. */
#include "addon.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

/* connectUnix(type, path): fd, close-on-exec. Local sockets connect or refuse at once, unless the
   listener's queue is full. */
static napi_value call_connect_unix(napi_env env, napi_callback_info info) {
  napi_value args[ADDON_MAX_ARGS];
  addon_args(env, info, args);
  struct sockaddr_un address = {.sun_family = AF_UNIX};
  char *path = addon_string(env, args[1]);
  if (path == NULL || strlen(path) >= sizeof address.sun_path) {
    napi_value thrown = addon_throw_errno(env, ENAMETOOLONG, "connect", path);
    free(path);
    return thrown;
  }
  strcpy(address.sun_path, path);
  int fd = socket(AF_UNIX, (int)addon_int(env, args[0], SOCK_STREAM) | SOCK_CLOEXEC, 0);
  int failed = fd < 0 ? errno : 0;
  if (!failed && connect(fd, (struct sockaddr *)&address, sizeof address) < 0) {
    failed = errno;
    close(fd);
  }
  napi_value out =
      failed ? addon_throw_errno(env, failed, "connect", path) : addon_number(env, fd);
  free(path);
  return out;
}

/* pipe(): [read end, write end], both close-on-exec and blocking */
static napi_value call_pipe(napi_env env, napi_callback_info info) {
  (void)info;
  int pair[2];
  if (pipe2(pair, O_CLOEXEC) < 0) return addon_throw_errno(env, errno, "pipe2", NULL);
  napi_value out;
  napi_create_array_with_length(env, 2, &out);
  napi_set_element(env, out, 0, addon_number(env, pair[0]));
  napi_set_element(env, out, 1, addon_number(env, pair[1]));
  return out;
}

const struct addon_function socket_functions[] = {
    {"pipe", call_pipe},
    {"connectUnix", call_connect_unix},
    {NULL, NULL},
};
