/* Namespaces and cgroups: from the host into the container. */
#include "init.h"

#include <grp.h>
#include <sched.h>
#include <sys/file.h>
#include <sys/syscall.h>

int op_join_namespace(struct args *args) {
  uint32_t flag = arg_u32(args);
  return setns(arg_i32(args), (int)flag) == 0 ? 0 : errno;
}

int op_join_root(struct args *args) {
  if (fchdir(arg_i32(args)) < 0 || chroot(".") < 0 || chdir("/") < 0) return errno;
  return 0;
}

int op_unshare(struct args *args) { return unshare((int)arg_u32(args)) == 0 ? 0 : errno; }

int op_become_root(struct args *args) {
  (void)args;
  /* The library's wrappers would signal threads that we do not have: ask the kernel directly. */
  if (syscall(SYS_setresgid, 0, 0, 0) < 0 || syscall(SYS_setresuid, 0, 0, 0) < 0) return errno;
  return 0;
}

int op_new_session(struct args *args) {
  (void)args;
  return setsid() >= 0 ? 0 : errno;
}

static int lock(int32_t slot, int operation) {
  int result;
  do result = flock(slot_fd(slot), operation);
  while (result < 0 && errno == EINTR);
  return result == 0 ? 0 : errno;
}

int op_lock(struct args *args) { return lock(arg_i32(args), LOCK_EX); }

int op_unlock(struct args *args) { return lock(arg_i32(args), LOCK_UN); }

static int join(int32_t slot) { return write(slot_fd(slot), "0", 1) == 1 ? 0 : errno; }

int op_cgroup_join(struct args *args) {
  uint32_t count = arg_u32(args);
  for (uint32_t i = 0; i < count && !args->bad; i++) {
    int failed = join(arg_i32(args));
    report_u32(REPORT_AT_LEVEL, i);
    if (failed != 0) return failed;
  }
  return 0;
}

static bool is_charged(void) {
  uint32_t charged;
  memcpy(&charged, report + REPORT_AT_CHARGED, sizeof charged);
  return charged != CHARGED_NONE;
}

int op_cgroup_join_uncharged(struct args *args) {
  int32_t slot = arg_i32(args);
  return is_charged() ? 0 : join(slot);
}

/* A counter's value; "max" is the largest. */
static int read_counter(int fd, uint64_t *out) {
  char text[32];
  ssize_t length = pread(fd, text, sizeof text, 0);
  if (length <= 0) return length < 0 ? errno : ENODATA;
  uint64_t value = 0;
  if (text[0] == 'm') value = INT64_MAX;
  else
    for (ssize_t i = 0; i < length && text[i] >= '0' && text[i] <= '9'; i++)
      value = value * 10 + (uint64_t)(text[i] - '0');
  *out = value;
  return 0;
}

int op_pids_check(struct args *args) {
  /* Two lists of the same length: read side by side. */
  struct args maxima = *args;
  uint32_t count = arg_u32(&maxima);
  for (uint32_t i = 0; i < count && !maxima.bad; i++) arg_i32(&maxima);
  uint32_t levels = arg_u32(args);
  if (arg_u32(&maxima) != levels || maxima.bad) return EBADMSG;
  struct args rest = maxima;
  for (uint32_t i = 0; i < levels && !rest.bad; i++) arg_i32(&rest);
  int32_t escape = arg_i32(&rest);
  if (arg_u32(&rest) && is_charged()) return 0;
  bool full = false;
  for (uint32_t i = 0; i < levels; i++) {
    uint64_t now = 0, most = 0;
    int now_fd = slot_fd(arg_i32(args)), most_fd = slot_fd(arg_i32(&maxima));
    /* A level where the controller is not enabled (v2) has no files. */
    if (now_fd < 0 || most_fd < 0) continue;
    int failed = read_counter(now_fd, &now);
    if (failed == 0) failed = read_counter(most_fd, &most);
    if (failed != 0) return failed;
    if (full || now <= most) continue;
    full = true;
    report_u32(REPORT_AT_LEVEL, i);
    report_u64(REPORT_AT_LEVEL_CURRENT, now);
    report_u64(REPORT_AT_LEVEL_MAX, most);
  }
  if (!full) return args->bad || rest.bad ? EBADMSG : 0;
  /* Out again before anyone can count us: a zombie would hold the slot until it is reaped. */
  join(escape);
  return EAGAIN;
}

int op_hostname(struct args *args) {
  const char *name = arg_text(args);
  return sethostname(name, strlen(name)) == 0 ? 0 : errno;
}

int op_domainname(struct args *args) {
  const char *name = arg_text(args);
  return setdomainname(name, strlen(name)) == 0 ? 0 : errno;
}
