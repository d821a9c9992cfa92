/* Processes: starting, adopting, reaping, and the ledger that keeps their exits. */
#include "keeper.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { SAFE_FD = 1024 }; /* above every number that a launch may ask for */

struct entry entries[MAX_ENTRIES];
uint32_t entry_count; /* slots ever used: the table's touched part stays small */
static int ledger = -1;

int ledger_open(void) {
  ledger = open("ledger", O_RDWR | O_CREAT | O_CLOEXEC, 0600);
  return ledger < 0 ? errno : 0;
}

static int ledger_write(const struct entry *entry) {
  struct record record = {.token = entry->token, .pid = (uint32_t)entry->pid,
                          .state = entry->state, .code = entry->code, .signal = entry->signal,
                          .exited_ns = entry->exited_ns};
  off_t at = (off_t)((entry - entries) * (ssize_t)sizeof record);
  ssize_t put;
  do put = pwrite(ledger, &record, sizeof record, at);
  while (put < 0 && errno == EINTR);
  if (put == sizeof record) return 0;
  return put < 0 ? errno : ENOSPC;
}

static struct entry *entry_new(void) {
  for (uint32_t i = 0; i < MAX_ENTRIES; i++) {
    if (entries[i].state != FREE) continue;
    if (i >= entry_count) entry_count = i + 1;
    memset(&entries[i], 0, sizeof entries[i]);
    for (int role = 0; role < ROLES; role++) entries[i].fds[role] = -1;
    entries[i].console = -1;
    return &entries[i];
  }
  return NULL;
}

struct entry *entry_find(uint32_t token) {
  for (uint32_t i = 0; i < entry_count; i++)
    if (entries[i].state != FREE && !entries[i].helper && entries[i].token == token)
      return &entries[i];
  return NULL;
}

bool entries_running(void) {
  for (uint32_t i = 0; i < entry_count; i++)
    if (entries[i].state == RUNNING && !entries[i].helper) return true;
  return false;
}

/* Takes over the packet's descriptors on success. The ledger's slot is written now, so that a full
   disk refuses the start rather than loses the exit. */
int entry_open(const struct packet *packet) {
  int fds[ROLES], error = decode_roles(packet, fds);
  if (error) return error;
  if (entry_find(packet->header.token)) return EEXIST;
  struct entry *entry = entry_new();
  if (entry == NULL) return ENFILE;
  entry->token = packet->header.token;
  entry->state = OPENED;
  if ((error = ledger_write(entry)) != 0) {
    entry->state = FREE;
    return error;
  }
  memcpy(entry->fds, fds, sizeof fds);
  entry->drained = true;
  for (int index = 0; index < 2; index++) pump_start(entry, index);
  return 0;
}

/* In the vforked child: shares our memory until execve, so it touches nothing but its arguments. */
static int child_run(const struct launch *launch, const int stdio[3]) {
  int moved[MAX_FDS], exec_fd = -1, low[3];
  for (int i = 0; i < 3; i++)
    if ((low[i] = fcntl(stdio[i], F_DUPFD_CLOEXEC, SAFE_FD)) < 0) return errno;
  for (uint32_t i = 0; i < launch->fd_count; i++)
    if ((moved[i] = fcntl(launch->fds[i], F_DUPFD_CLOEXEC, SAFE_FD)) < 0) return errno;
  if (launch->exec_fd >= 0 &&
      (exec_fd = fcntl(launch->exec_fd, F_DUPFD_CLOEXEC, SAFE_FD)) < 0)
    return errno;
  for (int i = 0; i < 3; i++)
    if (dup2(low[i], i) < 0) return errno;
  for (uint32_t i = 0; i < launch->fd_count; i++)
    if (dup2(moved[i], launch->targets[i]) < 0) return errno;
  if (launch->directory[0] != 0 && chdir(launch->directory) < 0) return errno;
  struct sigaction plain = {.sa_handler = SIG_DFL};
  for (int number = 1; number < 32; number++) sigaction(number, &plain, NULL);
  sigset_t none;
  sigemptyset(&none);
  sigprocmask(SIG_SETMASK, &none, NULL);
  if (exec_fd >= 0)
    syscall(SYS_execveat, exec_fd, "", launch->argv, launch->env, 0x1000 /* AT_EMPTY_PATH */);
  else
    execve(launch->executable, launch->argv, launch->env);
  return errno;
}

int entry_spawn(struct entry *owner, struct launch *launch, pid_t *out) {
  struct entry *helper = entry_new();
  if (helper == NULL) return ENFILE;
  int null = open("/dev/null", O_RDWR | O_CLOEXEC), stdio[3];
  if (null < 0) return errno;
  for (int i = 0; i < 3; i++) {
    stdio[i] = launch->stdio[i] >= 0 ? launch->stdio[i] : owner->fds[i];
    if (stdio[i] < 0) stdio[i] = null;
  }
  volatile int failed = 0;
  pid_t pid = vfork();
  if (pid == 0) {
    failed = child_run(launch, stdio);
    _exit(127);
  }
  int error = pid < 0 ? errno : failed;
  close(null);
  if (pid > 0 && failed) waitpid(pid, NULL, 0);
  if (error) return error;
  *helper = (struct entry){.token = owner->token, .helper = true, .state = RUNNING, .pid = pid};
  owner->spawned = true;
  *out = pid;
  return 0;
}

int entry_adopt(struct entry *entry, pid_t pid) {
  siginfo_t info;
  if (entry->state != OPENED) return EALREADY;
  if (pid <= 0) return EINVAL;
  for (uint32_t i = 0; i < entry_count; i++)
    if (entries[i].state == RUNNING && entries[i].pid == pid) return EEXIST;
  if (waitid(P_PID, (id_t)pid, &info, WEXITED | WNOWAIT | WNOHANG) < 0) return errno;
  entry->pid = pid;
  entry->state = RUNNING;
  for (int role = IN; role <= ERR; role++) close_fd(&entry->fds[role]);
  int error = ledger_write(entry);
  reap_children();
  return error;
}

void entry_forget(struct entry *entry) {
  pump_stop(entry, 0);
  pump_stop(entry, 1);
  for (int role = 0; role < ROLES; role++) close_fd(&entry->fds[role]);
  console_listen_result(entry);
  entry->state = FREE;
  entry->token = 0;
  ledger_write(entry);
}

static void entry_exited(struct entry *entry, const siginfo_t *info) {
  struct timespec now;
  clock_gettime(CLOCK_REALTIME, &now);
  entry->exited_ns = (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
  entry->code = info->si_code == CLD_EXITED ? info->si_status : 0;
  entry->signal = info->si_code == CLD_EXITED ? 0 : info->si_status;
  entry->state = EXITED;
  if (entry->helper) {
    tell_helper(entry);
    entry->state = FREE;
    return;
  }
  ledger_write(entry); /* the disk first, then the shim */
  close_fd(&entry->fds[IN_HOLD]);
  if (entry->terminal) pump_stop(entry, 1);
  entry->owed |= OWE_EXIT;
}

static struct entry *running_entry(pid_t pid) {
  for (uint32_t i = 0; i < entry_count; i++)
    if (entries[i].state == RUNNING && entries[i].pid == pid) return &entries[i];
  return NULL;
}

/* Known children by their own pid. Unknown ones (orphans of the container) only while no launch is
   under way: one of them may be the process that the shim is about to name. Each is looked at
   before it is reaped: a known child may end between the first loop and the second. */
void reap_children(void) {
  bool launching = false;
  for (uint32_t i = 0; i < entry_count; i++) {
    struct entry *entry = &entries[i];
    launching |= entry->state == OPENED && entry->spawned;
    siginfo_t info = {0};
    if (entry->state != RUNNING) continue;
    if (waitid(P_PID, (id_t)entry->pid, &info, WEXITED | WNOHANG) == 0 && info.si_pid != 0)
      entry_exited(entry, &info);
  }
  while (!launching) {
    siginfo_t info = {0};
    if (waitid(P_ALL, 0, &info, WEXITED | WNOHANG | WNOWAIT) < 0 || info.si_pid == 0) break;
    struct entry *entry = running_entry(info.si_pid);
    if (waitid(P_PID, (id_t)info.si_pid, &info, WEXITED | WNOHANG) < 0 || info.si_pid == 0) break;
    if (entry) entry_exited(entry, &info);
  }
  tell_owed();
}
