/* What is done before the namespaces: protecting ourselves, opening host paths, the host's /proc.
 */
#include "init.h"
#include "kernel_calls.h"

#include <signal.h>
#include <stdlib.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>

#define ALL_SEALS (F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE)

/* A container that reached our executable through /proc must find nothing it could write to. */
static int check_sealed(void) {
  int fd = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);
  if (fd < 0) return errno;
  int seals = fcntl(fd, F_GET_SEALS);
  close(fd);
  return seals >= 0 && (seals & ALL_SEALS) == ALL_SEALS ? 0 : EPERM;
}

int op_protect(struct args *args) {
  uint32_t keep = arg_u32(args);
  /* Before anything is joined: a process of the container must not trace us or read our files. */
  if (prctl(PR_SET_DUMPABLE, 0) < 0) return errno;
  launched_by_root = geteuid() == 0;
  prctl(PR_SET_NAME, "catena-init");
  if (syscall(SYS_close_range, 3 + keep, ~0u, 4 /* CLOSE_RANGE_CLOEXEC */) < 0) return errno;
  int failed = check_sealed();
  if (failed != 0) return failed;
  struct sigaction standard = {.sa_handler = SIG_DFL};
  for (int number = 1; number <= SIGRTMAX; number++) sigaction(number, &standard, NULL);
  sigset_t none;
  sigemptyset(&none);
  sigprocmask(SIG_SETMASK, &none, NULL);
  umask(022);
  return 0;
}

int op_open(struct args *args) {
  int32_t slot = arg_i32(args);
  const char *path = arg_text(args);
  uint32_t flags = arg_u32(args);
  if (args->bad) return EBADMSG;
  return slot_store(slot, open(path, (int)flags | O_CLOEXEC | O_NOCTTY));
}

int op_open_tree(struct args *args) {
  int32_t slot = arg_i32(args);
  const char *path = arg_text(args);
  unsigned flags = OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC;
  if (arg_u32(args)) flags |= AT_RECURSIVE;
  if (args->bad) return EBADMSG;
  return slot_store(slot, kernel_open_tree(AT_FDCWD, path, flags));
}

static int write_file(const char *path, const char *text) {
  int fd = open(path, O_WRONLY | O_CLOEXEC);
  if (fd < 0) return errno;
  size_t length = strlen(text);
  ssize_t wrote = write(fd, text, length);
  int failed = wrote == (ssize_t)length ? 0 : (wrote < 0 ? errno : EIO);
  close(fd);
  return failed;
}

/* The target's file in the host's procfs: by its host pid when the parent serves another stage. */
static bool process_path(char out[64], const char *file) {
  char number[24];
  size_t length = target_pid > 0 ? text_number(number, (uint64_t)target_pid) : 0;
  number[length] = 0;
  const char *parts[] = {"/proc/", length > 0 ? number : "self", "/", file};
  return text_join(out, 64, parts, 4);
}

int open_process_file(const char *file, int flags) {
  char path[64];
  if (process_path(path, file)) return open(path, flags | O_CLOEXEC);
  errno = ENAMETOOLONG;
  return -1;
}

int write_process_file(const char *file, const char *text) {
  char path[64];
  return process_path(path, file) ? write_file(path, text) : ENAMETOOLONG;
}

int op_oom_score(struct args *args) {
  int32_t value = arg_i32(args);
  char text[24], number[24];
  number[text_number(number, (uint64_t)labs(value))] = 0;
  const char *parts[] = {value < 0 ? "-" : "", number};
  text_join(text, sizeof text, parts, 2);
  return write_process_file("oom_score_adj", text);
}

int op_time_offsets(struct args *args) {
  return write_process_file("timens_offsets", arg_text(args));
}
