/* Id-mapped mounts: a detached tree whose owners are seen through a user namespace's maps. */
#include "init.h"
#include "kernel_calls.h"

#include <sched.h>
#include <signal.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>

static int write_map(pid_t pid, const char *file, const char *text) {
  char path[64], number[24];
  number[text_number(number, (uint64_t)pid)] = 0;
  const char *parts[] = {"/proc/", number, "/", file};
  text_join(path, sizeof path, parts, 4);
  int fd = open(path, O_WRONLY | O_CLOEXEC);
  if (fd < 0) return errno;
  int failed = write(fd, text, strlen(text)) < 0 ? errno : 0;
  close(fd);
  return failed;
}

/* A user namespace needs a process to be born in; it ends as soon as a descriptor holds it. */
static int namespace_of_maps(const char *uids, const char *gids, int *out) {
  pid_t pid = (pid_t)syscall(SYS_clone, CLONE_NEWUSER | SIGCHLD, 0, 0, 0, 0);
  if (pid < 0) return errno;
  if (pid == 0) {
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    for (;;) pause();
  }
  int failed = write_map(pid, "uid_map", uids);
  if (failed == 0) failed = write_map(pid, "gid_map", gids);
  char path[64], number[24];
  number[text_number(number, (uint64_t)pid)] = 0;
  const char *parts[] = {"/proc/", number, "/ns/user"};
  text_join(path, sizeof path, parts, 3);
  *out = open(path, O_RDONLY | O_CLOEXEC);
  if (failed == 0 && *out < 0) failed = errno;
  kill(pid, SIGKILL);
  while (waitpid(pid, NULL, 0) < 0 && errno == EINTR) continue;
  return failed;
}

int op_map_tree(struct args *args) {
  int tree = slot_fd(arg_i32(args));
  const char *uids = arg_text(args), *gids = arg_text(args);
  unsigned deep = arg_u32(args) ? AT_RECURSIVE : 0;
  if (args->bad) return EBADMSG;
  int namespace = -1;
  int failed = namespace_of_maps(uids, gids, &namespace);
  struct mount_attr change = {.attr_set = MOUNT_ATTR_IDMAP, .userns_fd = (uint64_t) namespace};
  if (failed == 0 && kernel_mount_setattr(tree, AT_EMPTY_PATH | deep, &change) < 0) failed = errno;
  if (namespace >= 0) close(namespace);
  return failed;
}
