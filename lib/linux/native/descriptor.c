/* File descriptors: sealed memory files, socket pairs, locks, passing them between processes. */
#include "addon.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

/* Most descriptors in one message: the kernel's own SCM_MAX_FD is 253. */
#define MAX_PASSED 64

/* memfdCreate(name, flags): fd */
static napi_value call_memfd_create(napi_env env, napi_callback_info info) {
  napi_value args[ADDON_MAX_ARGS];
  addon_args(env, info, args);
  char *name = addon_string(env, args[0]);
  int fd = memfd_create(name ? name : "catena", (unsigned)addon_int(env, args[1], MFD_CLOEXEC));
  int number = errno;
  free(name);
  return fd >= 0 ? addon_number(env, fd) : addon_throw_errno(env, number, "memfd_create", NULL);
}

/* fcntl(fd, command, argument): result */
static napi_value call_fcntl(napi_env env, napi_callback_info info) {
  napi_value args[ADDON_MAX_ARGS];
  addon_args(env, info, args);
  int result = fcntl((int)addon_int(env, args[0], -1), (int)addon_int(env, args[1], 0),
                     (int)addon_int(env, args[2], 0));
  return result >= 0 ? addon_number(env, result) : addon_throw_errno(env, errno, "fcntl", NULL);
}

/* flock(fd, operation) */
static napi_value call_flock(napi_env env, napi_callback_info info) {
  napi_value args[ADDON_MAX_ARGS];
  addon_args(env, info, args);
  int result;
  do result = flock((int)addon_int(env, args[0], -1), (int)addon_int(env, args[1], 0));
  while (result < 0 && errno == EINTR);
  return result == 0 ? addon_undefined(env) : addon_throw_errno(env, errno, "flock", NULL);
}

/* socketpair(type): [fd, fd], both close-on-exec */
static napi_value call_socketpair(napi_env env, napi_callback_info info) {
  napi_value args[ADDON_MAX_ARGS];
  addon_args(env, info, args);
  int pair[2];
  if (socketpair(AF_UNIX, (int)addon_int(env, args[0], SOCK_STREAM) | SOCK_CLOEXEC, 0, pair) < 0)
    return addon_throw_errno(env, errno, "socketpair", NULL);
  napi_value out;
  napi_create_array_with_length(env, 2, &out);
  napi_set_element(env, out, 0, addon_number(env, pair[0]));
  napi_set_element(env, out, 1, addon_number(env, pair[1]));
  return out;
}

/* sendWithFds(socket, bytes, fds): bytes sent. Never blocks longer than the socket's own mode. */
static napi_value call_send_with_fds(napi_env env, napi_callback_info info) {
  napi_value args[ADDON_MAX_ARGS];
  addon_args(env, info, args);
  uint8_t *data = NULL;
  size_t length = 0;
  uint32_t count = 0;
  if (!addon_bytes(env, args[1], &data, &length)) {
    return addon_throw_errno(env, EINVAL, "sendmsg", NULL);
  }
  napi_get_array_length(env, args[2], &count);
  if (count > MAX_PASSED) return addon_throw_errno(env, E2BIG, "sendmsg", NULL);
  char control[CMSG_SPACE(sizeof(int) * MAX_PASSED)] __attribute__((aligned(8))) = {0};
  struct iovec part = {.iov_base = data, .iov_len = length};
  struct msghdr message = {.msg_iov = &part, .msg_iovlen = 1};
  if (count > 0) {
    message.msg_control = control;
    message.msg_controllen = CMSG_SPACE(sizeof(int) * count);
    struct cmsghdr *header = CMSG_FIRSTHDR(&message);
    header->cmsg_level = SOL_SOCKET;
    header->cmsg_type = SCM_RIGHTS;
    header->cmsg_len = CMSG_LEN(sizeof(int) * count);
    for (uint32_t i = 0; i < count; i++) {
      napi_value item;
      napi_get_element(env, args[2], i, &item);
      int fd = (int)addon_int(env, item, -1);
      memcpy(CMSG_DATA(header) + sizeof(int) * i, &fd, sizeof fd);
    }
  }
  ssize_t sent;
  do sent = sendmsg((int)addon_int(env, args[0], -1), &message, MSG_NOSIGNAL);
  while (sent < 0 && errno == EINTR);
  return sent >= 0 ? addon_number(env, sent) : addon_throw_errno(env, errno, "sendmsg", NULL);
}

/* receiveWithFds(socket, buffer, flags): {bytes, fds}; the descriptors are close-on-exec */
static napi_value call_receive_with_fds(napi_env env, napi_callback_info info) {
  napi_value args[ADDON_MAX_ARGS];
  addon_args(env, info, args);
  uint8_t *data = NULL;
  size_t length = 0;
  if (!addon_bytes(env, args[1], &data, &length)) {
    return addon_throw_errno(env, EINVAL, "recvmsg", NULL);
  }
  char control[CMSG_SPACE(sizeof(int) * MAX_PASSED)] __attribute__((aligned(8)));
  struct iovec part = {.iov_base = data, .iov_len = length};
  struct msghdr message = {
      .msg_iov = &part, .msg_iovlen = 1, .msg_control = control, .msg_controllen = sizeof control};
  ssize_t got;
  do got = recvmsg((int)addon_int(env, args[0], -1), &message,
                   MSG_CMSG_CLOEXEC | (int)addon_int(env, args[2], 0));
  while (got < 0 && errno == EINTR);
  if (got < 0) return addon_throw_errno(env, errno, "recvmsg", NULL);
  napi_value out, fds;
  napi_create_object(env, &out);
  napi_create_array(env, &fds);
  uint32_t index = 0;
  for (struct cmsghdr *h = CMSG_FIRSTHDR(&message); h != NULL; h = CMSG_NXTHDR(&message, h)) {
    if (h->cmsg_level != SOL_SOCKET || h->cmsg_type != SCM_RIGHTS) continue;
    size_t count = (h->cmsg_len - CMSG_LEN(0)) / sizeof(int);
    for (size_t i = 0; i < count; i++) {
      int fd;
      memcpy(&fd, CMSG_DATA(h) + sizeof(int) * i, sizeof fd);
      napi_set_element(env, fds, index++, addon_number(env, fd));
    }
  }
  napi_set_named_property(env, out, "bytes", addon_number(env, got));
  napi_set_named_property(env, out, "fds", fds);
  return out;
}

/* poll([fd, events, fd, events, …], timeoutMs): [revents, …] */
static napi_value call_poll(napi_env env, napi_callback_info info) {
  napi_value args[ADDON_MAX_ARGS];
  addon_args(env, info, args);
  uint32_t count = 0;
  napi_get_array_length(env, args[0], &count);
  struct pollfd fds[MAX_PASSED];
  if (count / 2 > MAX_PASSED) return addon_throw_errno(env, E2BIG, "poll", NULL);
  for (uint32_t i = 0; i < count / 2; i++) {
    napi_value fd, events;
    napi_get_element(env, args[0], i * 2, &fd);
    napi_get_element(env, args[0], i * 2 + 1, &events);
    /* revents is zeroed with the rest: an interrupted poll leaves it as it was. */
    fds[i] = (struct pollfd){.fd = (int)addon_int(env, fd, -1)};
    fds[i].events = (short)addon_int(env, events, 0);
  }
  int ready = poll(fds, count / 2, (int)addon_int(env, args[1], 0));
  if (ready < 0 && errno != EINTR) return addon_throw_errno(env, errno, "poll", NULL);
  napi_value out;
  napi_create_array_with_length(env, count / 2, &out);
  for (uint32_t i = 0; i < count / 2; i++)
    napi_set_element(env, out, i, addon_number(env, ready > 0 ? fds[i].revents : 0));
  return out;
}

const struct addon_function descriptor_functions[] = {
    {"memfdCreate", call_memfd_create},
    {"fcntl", call_fcntl},
    {"flock", call_flock},
    {"socketpair", call_socketpair},
    {"sendWithFds", call_send_with_fds},
    {"receiveWithFds", call_receive_with_fds},
    {"poll", call_poll},
    {NULL, NULL},
};
