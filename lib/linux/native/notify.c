/* sd_notify for a container: its program reports to a socket of ours, and we to the service
 * manager, which would not take it from a process that it does not know. */
#include "notify.h"

#include "addon.h"

#include <errno.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#define MAX_MESSAGE 4096

/* The address of a socket by name. Its length, 0 when the name is too long. */
static socklen_t address_of(const char *name, struct sockaddr_un *address) {
  size_t length = strlen(name);
  memset(address, 0, sizeof *address);
  address->sun_family = AF_UNIX;
  if (length == 0 || length >= sizeof address->sun_path) return 0;
  memcpy(address->sun_path, name, length);
  if (name[0] == '@') address->sun_path[0] = '\0';
  return (socklen_t)(offsetof(struct sockaddr_un, sun_path) + length + (name[0] == '@' ? 0 : 1));
}

/* The line that begins with READY=, without its end; NULL when there is none. */
static char *ready_line(char *message) {
  char *rest = NULL;
  for (char *line = strtok_r(message, "\n", &rest); line; line = strtok_r(NULL, "\n", &rest)) {
    if (strncmp(line, "READY=", 6) == 0) return line;
  }
  return NULL;
}

bool notify_forward(int fd, const char *host, pid_t pid) {
  char message[MAX_MESSAGE + 1], text[MAX_MESSAGE + 2];
  ssize_t got = recv(fd, message, MAX_MESSAGE, MSG_DONTWAIT);
  if (got <= 0) return false;
  message[got] = '\0';
  char *line = ready_line(message);
  struct sockaddr_un address;
  socklen_t length = address_of(host, &address);
  if (line == NULL || length == 0) return false;
  int out = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  if (out < 0) return false;
  int size = snprintf(text, sizeof text, "%s\n", line);
  struct sockaddr *to = (struct sockaddr *)&address;
  bool sent = sendto(out, text, (size_t)size, MSG_NOSIGNAL, to, length) > 0;
  size = snprintf(text, sizeof text, "MAINPID=%d\n", (int)pid);
  (void)sendto(out, text, (size_t)size, MSG_NOSIGNAL, to, length);
  close(out);
  return sent;
}

/* notifyListen(path): fd of a socket that anyone may write to */
static napi_value call_listen(napi_env env, napi_callback_info info) {
  napi_value args[ADDON_MAX_ARGS], out;
  addon_args(env, info, args);
  char *path = addon_string(env, args[0]);
  struct sockaddr_un address;
  socklen_t length = path ? address_of(path, &address) : 0;
  if (length == 0) {
    out = addon_throw_errno(env, ENAMETOOLONG, "bind", path);
    free(path);
    return out;
  }
  int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  if (fd < 0 || bind(fd, (struct sockaddr *)&address, length) < 0 || chmod(path, 0777) < 0) {
    out = addon_throw_errno(env, errno, "bind", path);
    if (fd >= 0) close(fd);
  } else {
    out = addon_number(env, fd);
  }
  free(path);
  return out;
}

/* notifyForward(fd, host, pid): true when a READY was passed on */
static napi_value call_forward(napi_env env, napi_callback_info info) {
  napi_value args[ADDON_MAX_ARGS], out;
  addon_args(env, info, args);
  char *host = addon_string(env, args[1]);
  bool done = host != NULL && notify_forward((int)addon_int(env, args[0], -1), host,
                                             (pid_t)addon_int(env, args[2], 0));
  free(host);
  napi_get_boolean(env, done, &out);
  return out;
}

/* notifySend(host, text): true when the service manager's socket took it */
static napi_value call_send(napi_env env, napi_callback_info info) {
  napi_value args[ADDON_MAX_ARGS], out;
  addon_args(env, info, args);
  char *host = addon_string(env, args[0]), *text = addon_string(env, args[1]);
  struct sockaddr_un address;
  socklen_t length = host && text ? address_of(host, &address) : 0;
  int fd = length == 0 ? -1 : socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  bool sent = fd >= 0 && sendto(fd, text, strlen(text), MSG_NOSIGNAL,
                                (struct sockaddr *)&address, length) > 0;
  if (fd >= 0) close(fd);
  free(host);
  free(text);
  napi_get_boolean(env, sent, &out);
  return out;
}

const struct addon_function notify_functions[] = {
    {"notifySend", call_send},
    {"notifyListen", call_listen},
    {"notifyForward", call_forward},
    {NULL, NULL},
};
