/* Processes: starting one with exact descriptors, waiting for one, and for descriptors to be ready. */
#include "addon.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/sendfile.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define STACK_BYTES (64 * 1024)
#define MAX_MAPPED 128
struct start {
  const char *path;
  int exec_fd;
  char **argv, **env;
  const char *cwd;
  int count;
  int from[MAX_MAPPED], as[MAX_MAPPED];
  /* Above every wanted number: where descriptors are parked while they change places. */
  int parking;
  int failed;
};

/* Runs in the parent's memory while the parent's thread is held: no library state may be touched. */
static int child_main(void *argument) {
  struct start *start = argument;
  struct sigaction standard = {.sa_handler = SIG_DFL};
  for (int number = 1; number < 65; number++)
    syscall(SYS_rt_sigaction, number, &standard, NULL, 8);
  sigset_t none;
  sigemptyset(&none);
  syscall(SYS_rt_sigprocmask, SIG_SETMASK, &none, NULL, 8);
  /* First out of the way, then into place: a source may be another's destination. */
  for (int i = 0; i < start->count; i++) {
    start->from[i] = fcntl(start->from[i], F_DUPFD_CLOEXEC, start->parking);
    if (start->from[i] < 0) goto failed;
  }
  if (start->exec_fd >= 0) start->exec_fd = fcntl(start->exec_fd, F_DUPFD_CLOEXEC, start->parking);
  for (int i = 0; i < start->count; i++)
    if (dup2(start->from[i], start->as[i]) < 0) goto failed;
  if (start->cwd != NULL && chdir(start->cwd) < 0) goto failed;
  if (start->exec_fd >= 0)
    syscall(SYS_execveat, start->exec_fd, "", start->argv, start->env, AT_EMPTY_PATH);
  else
    execve(start->path, start->argv, start->env);
failed:
  start->failed = errno;
  _exit(127);
}

static char **string_list(napi_env env, napi_value list) {
  uint32_t count = 0;
  napi_get_array_length(env, list, &count);
  char **out = calloc(count + 1, sizeof *out);
  for (uint32_t i = 0; out != NULL && i < count; i++) {
    napi_value item;
    napi_get_element(env, list, i, &item);
    out[i] = addon_string(env, item);
  }
  return out;
}

static void free_list(char **list) {
  for (char **at = list; at != NULL && *at != NULL; at++) free(*at);
  free(list);
}

static bool read_mapping(napi_env env, napi_value pairs, struct start *start) {
  uint32_t count = 0;
  napi_get_array_length(env, pairs, &count);
  if (count / 2 > MAX_MAPPED) return false;
  start->count = (int)(count / 2);
  for (uint32_t i = 0; i < count; i++) {
    napi_value item;
    napi_get_element(env, pairs, i, &item);
    int fd = (int)addon_int(env, item, -1);
    if (i % 2 == 0) start->from[i / 2] = fd;
    else start->as[i / 2] = fd;
    if (i % 2 != 0 && fd >= start->parking) start->parking = fd + 1;
  }
  return true;
}

static pid_t start_child(struct start *start) {
  void *stack = mmap(NULL, STACK_BYTES, PROT_READ | PROT_WRITE,
                     MAP_PRIVATE | MAP_ANONYMOUS | MAP_STACK, -1, 0);
  if (stack == MAP_FAILED) {
    start->failed = errno;
    return -1;
  }
  sigset_t all, before;
  sigfillset(&all);
  /* No handler of ours may run on the child's side of the shared memory. */
  pthread_sigmask(SIG_BLOCK, &all, &before);
  pid_t pid = clone(child_main, (char *)stack + STACK_BYTES, CLONE_VM | CLONE_VFORK | SIGCHLD, start);
  if (pid < 0) start->failed = errno;
  pthread_sigmask(SIG_SETMASK, &before, NULL);
  munmap(stack, STACK_BYTES);
  if (pid > 0 && start->failed != 0) waitpid(pid, NULL, 0);
  return pid;
}

/* startProcess(path, execFd, argv, env, [fd, as, …], cwd): pid */
static napi_value call_start_process(napi_env env, napi_callback_info info) {
  napi_value args[ADDON_MAX_ARGS];
  addon_args(env, info, args);
  struct start start = {.exec_fd = (int)addon_int(env, args[1], -1)};
  char *path = addon_string(env, args[0]), *cwd = addon_string(env, args[5]);
  start.path = path;
  start.cwd = cwd;
  start.argv = string_list(env, args[2]);
  start.env = string_list(env, args[3]);
  pid_t pid = -1;
  if (start.argv == NULL || start.env == NULL || !read_mapping(env, args[4], &start)) start.failed = E2BIG;
  else pid = start_child(&start);
  free_list(start.argv);
  free_list(start.env);
  napi_value out = pid > 0 && start.failed == 0
                       ? addon_number(env, pid)
                       : addon_throw_errno(env, start.failed, "execve", path);
  free(path);
  free(cwd);
  return out;
}

/* waitProcess(pid, options): wait status, or undefined while it runs (WNOHANG) */
static napi_value call_wait_process(napi_env env, napi_callback_info info) {
  napi_value args[ADDON_MAX_ARGS];
  addon_args(env, info, args);
  int status = 0;
  pid_t pid;
  do pid = waitpid((pid_t)addon_int(env, args[0], -1), &status, (int)addon_int(env, args[1], 0) | __WALL);
  while (pid < 0 && errno == EINTR);
  if (pid < 0) return addon_throw_errno(env, errno, "waitpid", NULL);
  return pid == 0 ? addon_undefined(env) : addon_number(env, status);
}

/* clockMonotonic(): nanoseconds of CLOCK_MONOTONIC */
static napi_value call_clock_monotonic(napi_env env, napi_callback_info info) {
  (void)info;
  struct timespec time;
  clock_gettime(CLOCK_MONOTONIC, &time);
  return addon_number(env, (int64_t)time.tv_sec * 1000000000 + time.tv_nsec);
}

/* pidfdOpen(pid): fd */
static napi_value call_pidfd_open(napi_env env, napi_callback_info info) {
  napi_value args[ADDON_MAX_ARGS];
  addon_args(env, info, args);
  int fd = (int)syscall(SYS_pidfd_open, (pid_t)addon_int(env, args[0], -1), 0);
  return fd >= 0 ? addon_number(env, fd) : addon_throw_errno(env, errno, "pidfd_open", NULL);
}

static bool write_whole(int fd, const uint8_t *data, size_t length) {
  for (size_t done = 0; done < length;) {
    ssize_t wrote = write(fd, data + done, length - done);
    if (wrote < 0 && errno != EINTR) return false;
    if (wrote > 0) done += (size_t)wrote;
  }
  return true;
}

/* The same memory, opened for reading only: the kernel executes nothing that is open for writing. */
static int reopen_readonly(int fd) {
  char path[40];
  snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
  return open(path, O_RDONLY | O_CLOEXEC);
}

/* A sealed memory file with `length` bytes of `data`, or with the content of `path`; -1 with errno. */
static int sealed_memory(const char *name, const uint8_t *data, size_t length, const char *path) {
  int fd = memfd_create(name, MFD_CLOEXEC | MFD_ALLOW_SEALING);
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
  if (fcntl(fd, F_ADD_SEALS, F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE) < 0) goto done;
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
  napi_value out = fd >= 0 ? addon_number(env, fd) : addon_throw_errno(env, errno, "memfd_create", path);
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

static napi_threadsafe_function deliver;
static int epoll_fd = -1;

static void deliver_token(napi_env env, napi_value callback, void *context, void *data) {
  (void)context;
  if (env == NULL) return;
  napi_value token = addon_number(env, (int64_t)(uintptr_t)data), self = addon_undefined(env);
  napi_call_function(env, self, callback, 1, &token, NULL);
}

static void *watch_main(void *unused) {
  (void)unused;
  struct epoll_event events[32];
  prctl(PR_SET_NAME, "catena-watch");
  for (;;) {
    int count = epoll_wait(epoll_fd, events, 32, -1);
    if (count < 0 && errno != EINTR) return NULL;
    for (int i = 0; i < count; i++)
      napi_call_threadsafe_function(deliver, (void *)(uintptr_t)events[i].data.u64, napi_tsfn_nonblocking);
  }
}

/* startWatching(callback): once; callback gets the token of each descriptor that became ready */
static napi_value call_start_watching(napi_env env, napi_callback_info info) {
  napi_value args[ADDON_MAX_ARGS], name;
  addon_args(env, info, args);
  if (epoll_fd >= 0) return addon_undefined(env);
  napi_create_string_utf8(env, "catena-watch", NAPI_AUTO_LENGTH, &name);
  napi_create_threadsafe_function(env, args[0], NULL, name, 0, 1, NULL, NULL, NULL, deliver_token, &deliver);
  epoll_fd = epoll_create1(EPOLL_CLOEXEC);
  if (epoll_fd < 0) return addon_throw_errno(env, errno, "epoll_create1", NULL);
  pthread_t thread;
  pthread_attr_t attributes;
  pthread_attr_init(&attributes);
  pthread_attr_setdetachstate(&attributes, PTHREAD_CREATE_DETACHED);
  pthread_attr_setstacksize(&attributes, STACK_BYTES);
  int number = pthread_create(&thread, &attributes, watch_main, NULL);
  pthread_attr_destroy(&attributes);
  return number == 0 ? addon_undefined(env) : addon_throw_errno(env, number, "pthread_create", NULL);
}

/* watchReadable(fd, token): one event; holdLoop(bool): whether pending events keep the loop alive */
static napi_value call_watch_readable(napi_env env, napi_callback_info info) {
  napi_value args[ADDON_MAX_ARGS];
  addon_args(env, info, args);
  struct epoll_event event = {.events = EPOLLIN | EPOLLRDHUP | EPOLLONESHOT,
                              .data.u64 = (uint64_t)addon_int(env, args[1], 0)};
  int fd = (int)addon_int(env, args[0], -1);
  int result = epoll_ctl(epoll_fd, EPOLL_CTL_ADD, fd, &event);
  if (result < 0 && errno == EEXIST) result = epoll_ctl(epoll_fd, EPOLL_CTL_MOD, fd, &event);
  return result == 0 ? addon_undefined(env) : addon_throw_errno(env, errno, "epoll_ctl", NULL);
}

/* unwatch(fd) */
static napi_value call_unwatch(napi_env env, napi_callback_info info) {
  napi_value args[ADDON_MAX_ARGS];
  addon_args(env, info, args);
  epoll_ctl(epoll_fd, EPOLL_CTL_DEL, (int)addon_int(env, args[0], -1), NULL);
  return addon_undefined(env);
}

static napi_value call_hold_loop(napi_env env, napi_callback_info info) {
  napi_value args[ADDON_MAX_ARGS];
  addon_args(env, info, args);
  bool hold = false;
  napi_get_value_bool(env, args[0], &hold);
  if (hold) napi_ref_threadsafe_function(env, deliver);
  else napi_unref_threadsafe_function(env, deliver);
  return addon_undefined(env);
}

const struct addon_function process_functions[] = {
    {"startProcess", call_start_process}, {"waitProcess", call_wait_process},
    {"pidfdOpen", call_pidfd_open},
    {"sealedMemory", call_sealed_memory}, {"writeAt", call_write_at},
    {"readAt", call_read_at},
    {"clockMonotonic", call_clock_monotonic},
    {"startWatching", call_start_watching}, {"watchReadable", call_watch_readable},
    {"unwatch", call_unwatch},            {"holdLoop", call_hold_loop},
    {NULL, NULL},
};
