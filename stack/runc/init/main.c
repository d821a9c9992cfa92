/* Start, the stages, and the loop over the plan. */
#include "init.h"

#include <linux/sched.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>

int pipe_fd = -1;
int parent_fd = -1;
int report_fd = -1;
unsigned first_own_fd = 3;
uint32_t stage = STAGE_NONE;
bool launched_by_root;
pid_t target_pid;
bool clock_allowed = true;
bool clock_is_plain;

static const uint8_t *plan;
static size_t plan_bytes;
static uint32_t operations;
/* Where each operation begins: found once, so that the parent can serve by index. */
static uint32_t begins[PLAN_MAX_OPERATIONS];
static uint32_t current;
static uint32_t last_by_parent;
static int slots[MAX_SLOTS];

/* As runc's: it is the container's exit code by now. */
#define EXIT_LATE 1

typedef int (*operation_call)(struct args *);

static operation_call call_of(uint32_t code) {
  switch (code) {
#define CASE(name, number) \
  case number: return op_##name;
    PLAN_OPERATIONS(CASE)
#undef CASE
    default: return NULL;
  }
}

int slot_fd(int32_t slot) { return slot >= 0 && slot < MAX_SLOTS ? slots[slot] - 1 : -1; }

int slot_store(int32_t slot, int fd) {
  if (fd < 0) return errno;
  if (slot < 0 || slot >= MAX_SLOTS) return EBADMSG;
  slots[slot] = fd + 1;
  return 0;
}

static uint32_t word(size_t at) {
  uint32_t value;
  memcpy(&value, plan + at, sizeof value);
  return value;
}

/* Bounds of the whole plan are checked before any of it is performed. */
static int read_plan(void) {
  if (plan_bytes < PLAN_HEADER_BYTES || word(0) != PLAN_MAGIC || word(4) != PLAN_VERSION)
    return EBADMSG;
  clock_is_plain = (word(8) & PLAN_FLAG_CLOCK) != 0;
  operations = word(12);
  if (operations == 0 || operations > PLAN_MAX_OPERATIONS || word(16) != plan_bytes) return EBADMSG;
  size_t at = PLAN_HEADER_BYTES;
  for (uint32_t i = 0; i < operations; i++) {
    if (at + OPERATION_HEADER_BYTES > plan_bytes) return EBADMSG;
    uint32_t length = word(at + 4);
    if (length > plan_bytes - at - OPERATION_HEADER_BYTES) return EBADMSG;
    begins[i] = (uint32_t)at;
    if (word(at) & OPERATION_BY_PARENT) last_by_parent = i;
    at += OPERATION_HEADER_BYTES + length;
  }
  return at == plan_bytes ? 0 : EBADMSG;
}

static int call_operation(uint32_t index) {
  size_t at = begins[index];
  operation_call call = call_of(word(at) & ~(OPERATION_OPTIONAL | OPERATION_BY_PARENT));
  if (call == NULL) return ENOSYS;
  const uint8_t *first = plan + at + OPERATION_HEADER_BYTES;
  struct args args = {.at = first, .end = first + word(at + 4)};
  int result = call(&args);
  return result == 0 && args.bad ? EBADMSG : result;
}

/* Asks the parent stage, which is outside, to perform an operation on us. */
static int ask_parent(uint32_t index) {
  uint32_t request[2] = {index, stage};
  int32_t reply = EPIPE;
  ssize_t got;
  /* Without privilege the parent may write our id maps only while our /proc files are its own. We
   * have joined nothing yet, so nobody else could look. */
  uint32_t code = word(begins[index]) & ~OPERATION_BY_PARENT;
  bool bare = !launched_by_root && call_of(code) == op_id_maps;
  if (bare) prctl(PR_SET_DUMPABLE, 1);
  if (send(parent_fd, request, sizeof request, MSG_NOSIGNAL) != sizeof request) return errno;
  do got = recv(parent_fd, &reply, sizeof reply, 0);
  while (got < 0 && errno == EINTR);
  if (bare) prctl(PR_SET_DUMPABLE, 0);
  return got == sizeof reply ? reply : EPIPE;
}

/* The parent's part: performs what stages ask for until the last of them is gone. */
_Noreturn void serve_stages(int request_fd) {
  uint32_t request[2];
  for (uint32_t served = 0; served < PLAN_MAX_OPERATIONS; served++) {
    ssize_t got;
    do got = recv(request_fd, request, sizeof request, 0);
    while (got < 0 && errno == EINTR);
    if (got != sizeof request || request[0] >= operations) break;
    size_t at = request[1] == STAGE_CHILD ? REPORT_AT_CHILD_PID : REPORT_AT_GRANDCHILD_PID;
    memcpy(&target_pid, report + at, sizeof target_pid);
    int32_t reply = call_operation(request[0]);
    if (send(request_fd, &reply, sizeof reply, MSG_NOSIGNAL) < 0) break;
  }
  _exit(0);
}

static void record(uint32_t index, size_t field, uint64_t value, size_t size) {
  memcpy(report + REPORT_HEADER_BYTES + (size_t)index * REPORT_RECORD_BYTES + field, &value, size);
}

static uint64_t now(void) { return clock_allowed ? clock_ns(CLOCK_MONOTONIC) : 0; }

/* Somebody steps through this launch and moves the number on. Spun, because a container's filter
 * may refuse any call by now; the runtime stops us by a signal once it sees that we wait. */
static void wait_while_held(uint32_t index) {
  const void *word_at = report + REPORT_AT_HOLD;
  const volatile uint32_t *hold = word_at;
  if (*hold == 0 || index + 1 < *hold) return;
  report_u32(REPORT_AT_HELD, index + 1);
  while (*hold != 0 && index + 1 >= *hold) continue;
  report_u32(REPORT_AT_HELD, 0);
}

_Noreturn void leave(int code) {
  syscall(SYS_exit_group, code);
  /* A filter refused it. No filter can refuse a fault. */
  __builtin_trap();
}

static void perform(uint32_t index) {
  wait_while_held(index);
  uint32_t code = word(begins[index]);
  current = index;
  report_u32(REPORT_AT_CURRENT, index);
  record(index, RECORD_AT_STARTED, now(), 8);
  record(index, RECORD_AT_STATE, RECORD_STATE_STARTED, 4);
  int result = (code & OPERATION_BY_PARENT) && stage != STAGE_PARENT ? ask_parent(index)
                                                                     : call_operation(index);
  record(index, RECORD_AT_FINISHED, now(), 8);
  record(index, RECORD_AT_ERRNO, (uint32_t)result, 4);
  record(index, RECORD_AT_STATE, result == 0 ? RECORD_STATE_DONE : RECORD_STATE_FAILED, 4);
  if (result == 0 || (code & OPERATION_OPTIONAL)) return;
  report_u32(REPORT_AT_ERRNO, (uint32_t)result);
  report_u32(REPORT_AT_FAILED, index + 1);
  if (pipe_fd >= 0) leave(EXIT_FAILED);
  tell_late_failure(call_of(code & ~OPERATION_OPTIONAL) == op_hook, result);
  leave(EXIT_LATE);
}

/* clone(2) as a sibling: the new process is a child of our parent, whoever launched init. */
static pid_t clone_sibling(size_t pid_at, int cgroup_fd) {
  struct clone_args with = {
      .flags = CLONE_PARENT | CLONE_PARENT_SETTID,
      /* The pid is in the report before the clone runs, so the parent can act on it. */
      .parent_tid = (uint64_t)(uintptr_t)(report + pid_at),
  };
  if (cgroup_fd < 0)
    return (pid_t)syscall(SYS_clone, CLONE_PARENT | CLONE_PARENT_SETTID | SIGCHLD, 0,
                          report + pid_at, 0, 0);
  with.flags |= CLONE_INTO_CGROUP;
  with.cgroup = (uint64_t)cgroup_fd;
  return (pid_t)syscall(SYS_clone3, &with, sizeof with);
}

int op_clone_child(struct args *args) {
  (void)args;
  int pair[2];
  if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) < 0) return errno;
  pid_t pid = clone_sibling(REPORT_AT_CHILD_PID, -1);
  if (pid < 0) return errno;
  if (pid > 0) {
    close(pair[1]);
    serve_stages(pair[0]);
  }
  close(pair[0]);
  parent_fd = pair[1];
  report_begin_stage(STAGE_CHILD, REPORT_AT_CHILD_BEGAN);
  return 0;
}

static pid_t clone_grandchild(int32_t cgroup, int32_t fallback) {
  int fd = slot_fd(cgroup);
  if (fd < 0 && slot_fd(fallback) >= 0) {
    report_u32(REPORT_AT_CHARGED, CHARGED_FALLBACK);
    return clone_sibling(REPORT_AT_GRANDCHILD_PID, slot_fd(fallback));
  }
  report_u32(REPORT_AT_CHARGED, fd >= 0 ? CHARGED_CGROUP : CHARGED_NONE);
  pid_t pid = clone_sibling(REPORT_AT_GRANDCHILD_PID, fd);
  if (pid >= 0 || fd < 0) return pid;
  /* Processes live in a nested cgroup, or ours was removed: go where the container's init is. */
  if ((errno == EBUSY || errno == ENOENT || errno == ENODEV) && slot_fd(fallback) >= 0) {
    report_u32(REPORT_AT_CHARGED, CHARGED_FALLBACK);
    return clone_sibling(REPORT_AT_GRANDCHILD_PID, slot_fd(fallback));
  }
  /* An old kernel or a filter around us: join later. EAGAIN is the limit itself: never retried. */
  if (errno == ENOSYS || errno == EPERM || errno == EINVAL || errno == E2BIG) {
    report_u32(REPORT_AT_CHARGED, CHARGED_NONE);
    return clone_sibling(REPORT_AT_GRANDCHILD_PID, -1);
  }
  return -1;
}

int op_clone_grandchild(struct args *args) {
  int32_t cgroup = arg_i32(args), fallback = arg_i32(args);
  report_u64(REPORT_AT_CHILD_MONOTONIC, clock_ns(CLOCK_MONOTONIC));
  report_u64(REPORT_AT_CHILD_REALTIME, clock_ns(CLOCK_REALTIME));
  pid_t pid = clone_grandchild(cgroup, fallback);
  if (pid < 0) return errno;
  if (pid > 0) _exit(0);
  report_u64(REPORT_AT_GRANDCHILD_MONOTONIC, clock_ns(CLOCK_MONOTONIC));
  report_u64(REPORT_AT_GRANDCHILD_REALTIME, clock_ns(CLOCK_REALTIME));
  report_begin_stage(STAGE_GRANDCHILD, REPORT_AT_GRANDCHILD_BEGAN);
  return 0;
}

static int map_files(int report_file, int plan_file) {
  struct stat found;
  int seals = fcntl(plan_file, F_GET_SEALS);
  /* An unsealed plan could change or shrink under us. */
  if (seals < 0 || (seals & (F_SEAL_WRITE | F_SEAL_SHRINK)) != (F_SEAL_WRITE | F_SEAL_SHRINK))
    return EPERM;
  if (fstat(plan_file, &found) < 0) return errno;
  plan_bytes = (size_t)found.st_size;
  if (plan_bytes > PLAN_MAX_BYTES) return E2BIG;
  void *mapped = mmap(NULL, plan_bytes, PROT_READ, MAP_PRIVATE, plan_file, 0);
  if (mapped == MAP_FAILED) return errno;
  plan = mapped;
  int failed = read_plan();
  if (failed != 0) return failed;
  size_t wanted = REPORT_HEADER_BYTES + (size_t)operations * REPORT_RECORD_BYTES;
  if (fstat(report_file, &found) < 0 || (size_t)found.st_size < wanted) return EBADMSG;
  mapped = mmap(NULL, wanted, PROT_READ | PROT_WRITE, MAP_SHARED, report_file, 0);
  if (mapped == MAP_FAILED) return errno;
  report = mapped;
  uint32_t magic;
  memcpy(&magic, report, sizeof magic);
  return magic == REPORT_MAGIC ? 0 : EBADMSG;
}

/* Keeps a cgroup populated, for whoever has the other end of our stdin, until that is closed. */
static int hold(void) {
  char byte;
  ssize_t got;
  do got = read(0, &byte, 1);
  while (got > 0 || (got < 0 && errno == EINTR));
  return 0;
}

/* catena-init FD: FD is the init pipe, FD + 1 the report, FD + 2 the plan. catena-init hold. */
int main(int argc, char **argv) {
  if (argc == 2 && strcmp(argv[1], "hold") == 0) return hold();
  int first = argc == 2 ? atoi(argv[1]) : -1;
  if (first < 3) return 2;
  pipe_fd = first;
  report_fd = first + 1;
  first_own_fd = (unsigned)first;
  int failed = map_files(first + 1, first + 2);
  /* Without a report there is nowhere to tell; the code says which errno it was. */
  if (failed != 0) return 128 - (failed < 120 ? failed : 0);
  close(first + 2);
  report_u32(REPORT_AT_PARENT_PID, (uint32_t)getpid());
  report_begin_stage(STAGE_PARENT, REPORT_AT_PARENT_BEGAN);
  for (uint32_t index = 0; index < operations; index++) {
    perform(index);
    if (stage == STAGE_GRANDCHILD && parent_fd >= 0 && index >= last_by_parent) {
      close(parent_fd);
      parent_fd = -1;
    }
  }
  return EXIT_FAILED;
}
