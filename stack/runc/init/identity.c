/* What the process is and may do: user, capabilities, limits, scheduling, filters. */
#include "init.h"

#include <grp.h>
#include <linux/capability.h>
#include <linux/filter.h>
#include <linux/keyctl.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <sys/personality.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>

#define MAX_GROUPS 65536
#define LAST_CAPABILITY 63

int op_keyring(struct args *args) {
  const char *name = arg_text(args);
  uint32_t wanted = arg_u32(args);
  long ring = syscall(SYS_keyctl, KEYCTL_JOIN_SESSION_KEYRING, name);
  /* Kernels without keyrings have nothing to keep apart. */
  if (ring < 0) return errno == ENOSYS ? 0 : errno;
  if (wanted == 0) return 0;
  char text[256];
  long length = syscall(SYS_keyctl, KEYCTL_DESCRIBE, ring, text, sizeof text);
  if (length < 0 || length > (long)sizeof text) return length < 0 ? errno : E2BIG;
  /* type;uid;gid;permissions in hexadecimal;description */
  const char *at = text;
  for (int field = 0; field < 3 && at != NULL; field++)
    at = strchr(at, ';') ? strchr(at, ';') + 1 : NULL;
  if (at == NULL) return EBADMSG;
  uint32_t permissions = 0;
  for (; *at != ';' && *at != 0; at++)
    permissions = permissions << 4 | (uint32_t)(*at <= '9' ? *at - '0' : (*at | 32) - 'a' + 10);
  return syscall(SYS_keyctl, KEYCTL_SETPERM, ring, permissions | wanted) < 0 ? errno : 0;
}

int op_rlimit(struct args *args) {
  uint32_t resource = arg_u32(args);
  uint64_t soft = arg_u64(args), hard = arg_u64(args);
  struct rlimit limit = {.rlim_cur = soft, .rlim_max = hard};
  return prlimit(target_pid, (int)resource, &limit, NULL) == 0 ? 0 : errno;
}

int op_personality(struct args *args) {
  return personality((unsigned long)arg_u64(args)) < 0 ? errno : 0;
}

int op_io_priority(struct args *args) {
  return syscall(SYS_ioprio_set, 1 /* IOPRIO_WHO_PROCESS */, 0, arg_u32(args)) < 0 ? errno : 0;
}

struct scheduling {
  uint32_t size, policy;
  uint64_t flags;
  int32_t nice;
  uint32_t priority;
  uint64_t runtime, deadline, period;
};

int op_scheduler(struct args *args) {
  struct scheduling with = {.size = sizeof with};
  with.policy = arg_u32(args);
  with.nice = arg_i32(args);
  with.priority = arg_u32(args);
  with.flags = arg_u64(args);
  with.runtime = arg_u64(args);
  with.deadline = arg_u64(args);
  with.period = arg_u64(args);
  return syscall(SYS_sched_setattr, 0, &with, 0) < 0 ? errno : 0;
}

int op_cpu_affinity(struct args *args) {
  uint32_t length;
  const uint8_t *mask = arg_bytes(args, &length);
  return syscall(SYS_sched_setaffinity, target_pid, length, mask) < 0 ? errno : 0;
}

int op_memory_policy(struct args *args) {
  uint32_t mode = arg_u32(args), length;
  const uint8_t *nodes = arg_bytes(args, &length);
  if (args->bad) return EBADMSG;
  /* The kernel takes one bit less than it is told. */
  unsigned long bits = length == 0 ? 0 : (unsigned long)length * 8 + 1;
  return syscall(SYS_set_mempolicy, mode, length == 0 ? NULL : nodes, bits) < 0 ? errno : 0;
}

int op_umask(struct args *args) {
  umask(arg_u32(args));
  return 0;
}

int op_stdio_owner(struct args *args) {
  uid_t uid = arg_u32(args);
  for (int stream = 0; stream <= 2; stream++) {
    struct stat found;
    if (fstat(stream, &found) < 0) return errno;
    bool null = S_ISCHR(found.st_mode) && found.st_rdev == makedev(1, 3);
    if (found.st_uid == uid || null) continue;
    /* An owner or group outside the user namespace, or a read-only /dev: leave it as it is. */
    if (fchown(stream, uid, (gid_t)-1) < 0 && errno != EINVAL && errno != EPERM && errno != EROFS)
      return errno;
  }
  return 0;
}

int op_bounding_set(struct args *args) {
  uint64_t keep = arg_u64(args);
  for (int capability = 0; capability <= LAST_CAPABILITY; capability++) {
    if (keep >> capability & 1 || prctl(PR_CAPBSET_DROP, capability) == 0) continue;
    if (errno == EINVAL) break;
    /* Without CAP_SETPCAP, what is not there need not be dropped. */
    if (prctl(PR_CAPBSET_READ, capability) != 0) return EPERM;
  }
  return 0;
}

static int set_capabilities(uint64_t effective, uint64_t permitted, uint64_t inheritable) {
  struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
  struct __user_cap_data_struct data[2] = {
      {(uint32_t)effective, (uint32_t)permitted, (uint32_t)inheritable},
      {(uint32_t)(effective >> 32), (uint32_t)(permitted >> 32), (uint32_t)(inheritable >> 32)},
  };
  return syscall(SYS_capset, &header, data) < 0 ? errno : 0;
}

/* After leaving user 0 the kept capabilities are permitted only; the filter needs them effective.
 */
static int raise_permitted(void) {
  struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
  struct __user_cap_data_struct data[2];
  if (syscall(SYS_capget, &header, data) < 0) return errno;
  uint64_t permitted = data[0].permitted | (uint64_t)data[1].permitted << 32;
  uint64_t inheritable = data[0].inheritable | (uint64_t)data[1].inheritable << 32;
  return set_capabilities(permitted, permitted, inheritable);
}

int op_user(struct args *args) {
  static gid_t groups[MAX_GROUPS];
  uid_t uid = arg_u32(args);
  gid_t gid = arg_u32(args);
  uint32_t count = arg_u32(args);
  if (count > MAX_GROUPS) return EBADMSG;
  for (uint32_t i = 0; i < count; i++) groups[i] = arg_u32(args);
  uint32_t set_groups = arg_u32(args);
  if (args->bad) return EBADMSG;
  if (prctl(PR_SET_KEEPCAPS, 1) < 0) return errno;
  /* Without the library's wrappers, which would signal threads that we do not have. */
  if (set_groups && syscall(SYS_setgroups, count, groups) < 0) {
    report_detail("setgroups");
    return errno;
  }
  if (syscall(SYS_setresgid, gid, gid, gid) < 0) {
    report_detail("setgid");
    return errno;
  }
  if (syscall(SYS_setresuid, uid, uid, uid) < 0) {
    report_detail("setuid");
    return errno;
  }
  if (prctl(PR_SET_KEEPCAPS, 0) < 0) return errno;
  return raise_permitted();
}

int op_capabilities(struct args *args) {
  uint64_t effective = arg_u64(args), permitted = arg_u64(args), inheritable = arg_u64(args);
  uint64_t ambient = arg_u64(args);
  prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0);
  int failed = set_capabilities(effective, permitted, inheritable);
  for (unsigned long i = 0; failed == 0 && i <= LAST_CAPABILITY; i++)
    if (ambient >> i & 1 && prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, i, 0, 0) < 0)
      failed = errno;
  return failed;
}

int op_no_new_privs(struct args *args) {
  (void)args;
  return prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 ? 0 : errno;
}

int op_seccomp(struct args *args) {
  uint32_t flags = arg_u32(args), length;
  const uint8_t *filter = arg_bytes(args, &length);
  uint32_t listener = arg_u32(args);
  if (args->bad || length % sizeof(struct sock_filter) != 0) return EBADMSG;
  struct sock_fprog program = {.len = (unsigned short)(length / sizeof(struct sock_filter)),
                               .filter = (struct sock_filter *)(uintptr_t)filter};
  if (listener) flags |= SECCOMP_FILTER_FLAG_NEW_LISTENER;
  long result = syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, flags, &program);
  clock_allowed = clock_is_plain;
  if (result < 0) return errno;
  if (!listener) return 0;
  uint8_t message = MESSAGE_SECCOMP;
  int failed = send_message(pipe_fd, &message, 1, (int)result);
  close((int)result);
  return failed != 0 ? failed : wait_for_go();
}
