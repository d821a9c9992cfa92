/* The program: finding it, where it runs, hooks before it, and execve. */
#include "init.h"

#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>

char program_path[PATH_MAX];
char home_variable[PATH_MAX + 8];

/* Pointers into the plan for argv and environment: one pool, used by one call at a time. */
static char *strings[PLAN_MAX_STRINGS + 8];

/* 0 when the file can be run by this user, as Go's LookPath and an access check see it. */
static int runnable(const char *path) {
  struct stat found;
  if (stat(path, &found) < 0) return errno;
  if (S_ISDIR(found.st_mode)) return EISDIR;
  if ((found.st_mode & 0111) == 0) return EACCES;
  return faccessat(AT_FDCWD, path, X_OK, AT_EACCESS) < 0 ? errno : 0;
}

static int search_path(const char *name, const char *path) {
  for (const char *at = path; *at != 0;) {
    size_t length = strcspn(at, ":");
    char folder[PATH_MAX];
    if (length < sizeof folder) {
      memcpy(folder, at, length);
      folder[length] = 0;
      const char *parts[] = {length == 0 ? "." : folder, "/", name};
      if (text_join(program_path, sizeof program_path, parts, 3) && runnable(program_path) == 0)
        return 0;
    }
    at += length;
    if (*at == ':') at++;
  }
  return ENOENT;
}

int op_find_program(struct args *args) {
  const char *name = arg_text(args), *path = arg_text(args);
  if (args->bad) return EBADMSG;
  if (strchr(name, '/') == NULL) return name[0] == 0 ? ENOENT : search_path(name, path);
  const char *parts[] = {name};
  if (!text_join(program_path, sizeof program_path, parts, 1)) return ENAMETOOLONG;
  return runnable(program_path);
}

/* getcwd(2) tells a folder outside of the root: a descriptor of the host's leaked to us. */
static int check_cwd(void) {
  char path[PATH_MAX];
  if (syscall(SYS_getcwd, path, sizeof path) < 0) return errno;
  if (path[0] == '/') return 0;
  report_detail(path);
  return EXDEV;
}

int op_chdir(struct args *args) {
  static bool there;
  const char *path = arg_text(args);
  bool early = arg_u32(args) != 0;
  if (args->bad) return EBADMSG;
  if (!there && chdir(path) < 0) return early && (errno == EACCES || errno == EPERM) ? 0 : errno;
  there = true;
  return check_cwd();
}

/* The sixth field of uid's line in a passwd file, or "/". */
static void home_of(const char *text, const char *uid, char out[PATH_MAX]) {
  strcpy(out, "/");
  for (const char *line = text; line != NULL; line = strchr(line, '\n')) {
    line += *line == '\n';
    const char *at = line;
    const char *fields[6];
    int count = 0;
    for (; count < 6; count++) {
      fields[count] = at;
      at += strcspn(at, ":\n");
      if (*at != ':') break;
      at++;
    }
    if (count < 6) continue;
    size_t uid_length = (size_t)(fields[3] - fields[2] - 1), length = (size_t)(at - fields[5] - 1);
    if (uid_length != strlen(uid) || memcmp(fields[2], uid, uid_length) != 0) continue;
    if (length == 0 || length >= PATH_MAX) return;
    memcpy(out, fields[5], length);
    out[length] = 0;
    return;
  }
}

int op_home(struct args *args) {
  static char text[64 * 1024];
  char uid[24], home[PATH_MAX];
  uid[text_number(uid, arg_u32(args))] = 0;
  int fd = open_in_root("/etc/passwd", O_RDONLY | O_NONBLOCK);
  ssize_t length = fd < 0 ? 0 : read(fd, text, sizeof text - 1);
  if (fd >= 0) close(fd);
  text[length > 0 ? length : 0] = 0;
  home_of(text, uid, home);
  const char *parts[] = {"HOME=", home};
  return text_join(home_variable, sizeof home_variable, parts, 2) ? 0 : ENAMETOOLONG;
}

int op_execve(struct args *args) {
  uint32_t count = arg_texts(args, strings, PLAN_MAX_STRINGS);
  char **environment = strings + count + 1;
  uint32_t variables = arg_texts(args, environment, PLAN_MAX_STRINGS - count - 2);
  if (args->bad) return EBADMSG;
  if (home_variable[0] != 0) {
    environment[variables] = home_variable;
    environment[variables + 1] = NULL;
  }
  execve(program_path, strings, environment);
  return errno;
}

/* Before the root is entered, a hook starts in it (createContainer), as under runc. */
_Noreturn static void run_hook(const char *path, char **argv, char **env, int input, int output) {
  if (root_fd >= 0 && fchdir(root_fd) < 0) leave(126);
  if (dup2(input, 0) < 0 || dup2(output, 1) < 0 || dup2(output, 2) < 0) leave(126);
  execve(path, argv, env);
  leave(errno == ENOENT ? 127 : 126);
}

/* Waits for a hook's end, keeping the first of what it printed. Kills it when the time is over. */
static int await_hook(pid_t pid, int pidfd, int output, uint32_t timeout_ms) {
  uint64_t deadline = clock_ns(CLOCK_MONOTONIC) + (uint64_t)timeout_ms * 1000000u;
  char kept[REPORT_DETAIL_BYTES], spare[512];
  size_t used = 0;
  bool over = false;
  for (;;) {
    uint64_t now = clock_ns(CLOCK_MONOTONIC);
    if (timeout_ms > 0 && now >= deadline && !over) {
      over = true;
      kill(pid, SIGKILL);
    }
    int left = timeout_ms == 0 || over ? -1 : (int)((deadline - now) / 1000000u) + 1;
    struct pollfd fds[2] = {{.fd = pidfd, .events = POLLIN}, {.fd = output, .events = POLLIN}};
    if (poll(fds, 2, left) < 0 && errno != EINTR) break;
    if (fds[1].revents & POLLIN) {
      ssize_t got = read(output, used < sizeof kept - 1 ? kept + used : spare,
                         used < sizeof kept - 1 ? sizeof kept - 1 - used : sizeof spare);
      if (got > 0 && used < sizeof kept - 1) used += (size_t)got;
    } else if (fds[0].revents & POLLIN) {
      break;
    } else if (fds[1].revents & POLLHUP) {
      output = -1;
    }
  }
  kept[used] = 0;
  report_detail(kept);
  int status = 0;
  while (waitpid(pid, &status, 0) < 0 && errno == EINTR) continue;
  report_u32(REPORT_AT_HOOK_STATUS, (uint32_t)status);
  if (over) return ETIMEDOUT;
  return status == 0 ? 0 : ECHILD;
}

int op_hook(struct args *args) {
  arg_text(args);
  const char *path = arg_text(args);
  uint32_t count = arg_texts(args, strings, PLAN_MAX_STRINGS / 2);
  char **env = strings + count + 1;
  arg_texts(args, env, PLAN_MAX_STRINGS / 2);
  uint32_t timeout_ms = arg_u32(args);
  const char *head = arg_text(args), *tail = arg_text(args);
  if (args->bad) return EBADMSG;
  int input[2], output[2];
  if (pipe2(input, O_CLOEXEC) < 0 || pipe2(output, O_CLOEXEC) < 0) return errno;
  pid_t pid = (pid_t)syscall(SYS_clone, SIGCHLD, 0, 0, 0, 0);
  if (pid < 0) return errno;
  if (pid == 0) run_hook(path, strings, env, input[0], output[1]);
  int pidfd = (int)syscall(SYS_pidfd_open, pid, 0);
  close(input[0]);
  close(output[1]);
  char number[24];
  size_t digits = text_number(number, (uint64_t)getpid());
  /* A hook that does not read its input is no failure. */
  signal(SIGPIPE, SIG_IGN);
  bool told = write(input[1], head, strlen(head)) >= 0 && write(input[1], number, digits) >= 0 &&
              write(input[1], tail, strlen(tail)) >= 0;
  (void)told;
  signal(SIGPIPE, SIG_DFL);
  close(input[1]);
  int failed = await_hook(pid, pidfd, output[0], timeout_ms);
  close(pidfd);
  close(output[0]);
  return failed;
}
