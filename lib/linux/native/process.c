/* Processes: starting one with exact descriptors, and waiting for its end. */
#include "addon.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define STACK_BYTES (64 * 1024)
#define MAX_MAPPED 128
/* More than any id has. */
#define MAX_RANDOM_BYTES 32

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

/* Runs in the parent's memory while the parent's thread is held: no library state may be touched.
 */
static int child_main(void *argument) {
  struct start *start = argument;
  struct sigaction standard = {.sa_handler = SIG_DFL};
  for (int number = 1; number < 65; number++) syscall(SYS_rt_sigaction, number, &standard, NULL, 8);
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
  else execve(start->path, start->argv, start->env);
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
  pid_t pid =
      clone(child_main, (char *)stack + STACK_BYTES, CLONE_VM | CLONE_VFORK | SIGCHLD, start);
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
  if (start.argv == NULL || start.env == NULL || !read_mapping(env, args[4], &start))
    start.failed = E2BIG;
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
  do
    pid = waitpid((pid_t)addon_int(env, args[0], -1), &status,
                  (int)addon_int(env, args[1], 0) | __WALL);
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

/* clockRealtimeUs(): microseconds of CLOCK_REALTIME */
static napi_value call_clock_realtime_us(napi_env env, napi_callback_info info) {
  (void)info;
  struct timespec time;
  clock_gettime(CLOCK_REALTIME, &time);
  return addon_number(env, (int64_t)time.tv_sec * 1000000 + time.tv_nsec / 1000);
}

/* randomHex(bytes): so many random bytes as hexadecimal digits */
static napi_value call_random_hex(napi_env env, napi_callback_info info) {
  static const char digits[] = "0123456789abcdef";
  napi_value args[ADDON_MAX_ARGS];
  addon_args(env, info, args);
  uint8_t bytes[MAX_RANDOM_BYTES];
  char text[2 * MAX_RANDOM_BYTES];
  int64_t count = addon_int(env, args[0], -1);
  if (count < 0 || count > MAX_RANDOM_BYTES)
    return addon_throw_errno(env, EINVAL, "getrandom", NULL);
  /* Up to 256 bytes come whole or not at all. */
  ssize_t got;
  do got = getrandom(bytes, (size_t)count, 0);
  while (got < 0 && errno == EINTR);
  if (got != count) return addon_throw_errno(env, got < 0 ? errno : EIO, "getrandom", NULL);
  for (int64_t i = 0; i < count; i++) {
    text[2 * i] = digits[bytes[i] >> 4];
    text[2 * i + 1] = digits[bytes[i] & 15];
  }
  napi_value out;
  napi_create_string_latin1(env, text, (size_t)(2 * count), &out);
  return out;
}

/* pidfdOpen(pid): fd */
static napi_value call_pidfd_open(napi_env env, napi_callback_info info) {
  napi_value args[ADDON_MAX_ARGS];
  addon_args(env, info, args);
  int fd = (int)syscall(SYS_pidfd_open, (pid_t)addon_int(env, args[0], -1), 0);
  return fd >= 0 ? addon_number(env, fd) : addon_throw_errno(env, errno, "pidfd_open", NULL);
}

const struct addon_function process_functions[] = {
    {"startProcess", call_start_process},
    {"waitProcess", call_wait_process},
    {"pidfdOpen", call_pidfd_open},
    {"clockMonotonic", call_clock_monotonic},
    {"clockRealtimeUs", call_clock_realtime_us},
    {"randomHex", call_random_hex},
    {NULL, NULL},
};
