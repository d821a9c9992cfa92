/* The keeper's loop: one shim at a time, its requests, our events. */
#include "keeper.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <unistd.h>

enum { ROLE_LISTEN = ROLES + 1, ROLE_SHIM, ROLE_CHILD };
enum { SHIM_FD = 3, IDLE_CHECK_MS = 5000, PASSED = 64 };

static int shim = -1, listener = -1;
static uint8_t input[MAX_PACKET];

static void shim_gone(void) {
  close_fd(&shim);
}

static bool send_packet(uint32_t type, uint32_t request, uint32_t token, const void *payload,
                        uint32_t size) {
  uint8_t bytes[128];
  struct header header = {(uint32_t)sizeof header + size, type, request, token};
  if (shim < 0 || sizeof header + size > sizeof bytes) return false;
  memcpy(bytes, &header, sizeof header);
  memcpy(bytes + sizeof header, payload, size);
  return send(shim, bytes, header.length, MSG_NOSIGNAL | MSG_DONTWAIT) == (ssize_t)header.length;
}

static bool send_exit(uint32_t type, const struct entry *entry) {
  struct record record = {.token = entry->token, .pid = (uint32_t)entry->pid,
                          .state = entry->state, .code = entry->code, .signal = entry->signal,
                          .exited_ns = entry->exited_ns};
  return send_packet(type, 0, entry->token, &record, sizeof record);
}

void tell_helper(const struct entry *helper) {
  /* A shim that does not read cannot wait for its helpers either: it starts over. */
  if (!send_exit(HELPER, helper)) shim_gone();
}

void tell_owed(void) {
  bool blocked = false;
  for (uint32_t i = 0; i < entry_count && shim >= 0; i++) {
    struct entry *entry = &entries[i];
    if ((entry->owed & OWE_CONSOLE) && send_exit(CONSOLE_READY, entry)) entry->owed &= ~OWE_CONSOLE;
    if ((entry->owed & OWE_EXIT) && send_exit(EXIT, entry)) entry->owed &= ~OWE_EXIT;
    if ((entry->owed & OWE_DRAINED) && send_exit(DRAINED, entry)) entry->owed &= ~OWE_DRAINED;
    blocked |= entry->owed != 0;
  }
  if (shim >= 0) watch(shim, blocked ? EPOLLIN | EPOLLOUT : EPOLLIN, NULL, ROLE_SHIM);
}

/* A shim that connects is told again all that it may have missed. */
static void owe_everything(void) {
  for (uint32_t i = 0; i < entry_count; i++) {
    struct entry *entry = &entries[i];
    if (entry->helper || entry->state == FREE) continue;
    if (entry->state == EXITED) entry->owed |= OWE_EXIT;
    if (entry->terminal && entry->fds[OUT_FROM] >= 0) entry->owed |= OWE_CONSOLE;
    if (entry->drained) entry->owed |= OWE_DRAINED;
  }
}

static int serve_spawn(struct entry *entry, const struct packet *packet, uint32_t *value) {
  static struct launch launch;
  pid_t pid = 0;
  int error = decode_launch(packet, &launch);
  if (!error) error = entry_spawn(entry, &launch, &pid);
  *value = (uint32_t)pid;
  return error;
}

static int serve_entry(struct entry *entry, const struct packet *packet, uint32_t *value) {
  uint32_t word = 0;
  if (entry == NULL) return ENOENT;
  if (packet->size >= sizeof word) memcpy(&word, packet->payload, sizeof word);
  switch (packet->header.type) {
    case SPAWN: return serve_spawn(entry, packet, value);
    case ADOPT: return entry_adopt(entry, (pid_t)word);
    case CONSOLE: return console_open(entry);
    case RESIZE: return console_resize(entry, word & 0xffff, word >> 16);
    case CLOSE_STDIN: close_fd(&entry->fds[IN_HOLD]); return 0;
    case SIGNAL:
      if (entry->state != RUNNING) return ESRCH;
      return kill(entry->pid, (int)word) < 0 ? errno : 0; /* unreaped, so the pid is its own */
    case FORGET:
      if (entry->state == RUNNING) return EBUSY;
      entry_forget(entry);
      reap_children();
      return 0;
    default: return ENOSYS;
  }
}

static void serve(struct packet *packet) {
  uint32_t answer[2] = {0, 0}, type = packet->header.type;
  bool kept = false, quit = false;
  if (type == HELLO) {
    answer[1] = (uint32_t)getpid();
    owe_everything();
  } else if (type == OPEN) {
    answer[0] = (uint32_t)entry_open(packet);
    kept = answer[0] == 0;
  } else if (type == QUIT) {
    answer[0] = entries_running() ? EBUSY : 0;
    quit = answer[0] == 0;
  } else {
    answer[0] = (uint32_t)serve_entry(entry_find(packet->header.token), packet, &answer[1]);
  }
  for (uint32_t i = 0; i < packet->fd_count && !kept; i++) close(packet->fds[i]);
  if (!send_packet(REPLY, packet->header.request, packet->header.token, answer, sizeof answer))
    shim_gone();
  if (quit) {
    unlink("keeper");
    exit(0);
  }
  tell_owed();
}

/* Collects what came beside a packet; what exceeds a packet's share is closed. */
static void take_descriptors(struct msghdr *message, struct packet *packet) {
  for (struct cmsghdr *head = CMSG_FIRSTHDR(message); head; head = CMSG_NXTHDR(message, head)) {
    if (head->cmsg_level != SOL_SOCKET || head->cmsg_type != SCM_RIGHTS) continue;
    size_t count = (head->cmsg_len - CMSG_LEN(0)) / sizeof(int);
    for (size_t i = 0; i < count; i++) {
      int fd;
      memcpy(&fd, CMSG_DATA(head) + i * sizeof fd, sizeof fd);
      if (packet->fd_count < MAX_FDS) packet->fds[packet->fd_count++] = fd;
      else close(fd);
    }
  }
}

static void shim_step(void) {
  char control[CMSG_SPACE(sizeof(int) * PASSED)] __attribute__((aligned(8)));
  struct iovec part = {.iov_base = input, .iov_len = sizeof input};
  struct msghdr message = {.msg_iov = &part, .msg_iovlen = 1, .msg_control = control,
                           .msg_controllen = sizeof control};
  struct packet packet = {0};
  ssize_t got = recvmsg(shim, &message, MSG_CMSG_CLOEXEC | MSG_DONTWAIT);
  if (got < 0 && (errno == EAGAIN || errno == EINTR)) return tell_owed();
  if (got <= 0) return shim_gone();
  take_descriptors(&message, &packet);
  int error = decode_header(input, (uint32_t)got, &packet.header);
  if (error || (message.msg_flags & (MSG_TRUNC | MSG_CTRUNC))) {
    for (uint32_t i = 0; i < packet.fd_count; i++) close(packet.fds[i]);
    return shim_gone(); /* the two sides do not agree: it may connect again */
  }
  packet.payload = input + sizeof packet.header;
  packet.size = (uint32_t)got - (uint32_t)sizeof packet.header;
  serve(&packet);
}

static void accept_shim(void) {
  int peer = accept4(listener, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
  if (peer < 0) return;
  shim_gone(); /* the newest one is the living one */
  shim = peer;
  watch(shim, EPOLLIN, NULL, ROLE_SHIM);
}

static void fail(const char *what) {
  dprintf(2, "catena-keeper: %s: %s\n", what, strerror(errno));
  exit(1);
}

static int start(const char *folder) {
  struct sockaddr_un address = {.sun_family = AF_UNIX, .sun_path = "keeper"};
  sigset_t all, child;
  umask(077);
  if (chdir(folder) < 0) fail(folder);
  setsid();
  syscall(SYS_close_range, SHIM_FD + 1, ~0u, 0);
  /* Executed from memory, it would be named by a number. */
  prctl(PR_SET_NAME, "catena-keeper");
  prctl(PR_SET_CHILD_SUBREAPER, 1);
  signal(SIGPIPE, SIG_IGN);
  sigfillset(&all);
  sigprocmask(SIG_SETMASK, &all, NULL);
  sigemptyset(&child);
  sigaddset(&child, SIGCHLD);
  poller = epoll_create1(EPOLL_CLOEXEC);
  int signals = signalfd(-1, &child, SFD_CLOEXEC | SFD_NONBLOCK);
  listener = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  if (poller < 0 || signals < 0 || listener < 0) fail("start");
  unlink("keeper");
  if (bind(listener, (struct sockaddr *)&address, sizeof address) < 0) fail("bind keeper");
  if (listen(listener, 4) < 0) fail("listen keeper");
  if ((errno = ledger_open()) != 0) fail("open ledger");
  watch(listener, EPOLLIN, NULL, ROLE_LISTEN);
  watch(signals, EPOLLIN, NULL, ROLE_CHILD);
  if (fcntl(SHIM_FD, F_SETFD, FD_CLOEXEC) == 0) {
    shim = SHIM_FD;
    watch(shim, EPOLLIN, NULL, ROLE_SHIM);
  }
  return signals;
}

/* Nobody is connected and nothing runs: stay for the exits' and streams' sake until the bundle,
   and with it our folder, is removed. */
static void leave_if_orphaned(void) {
  struct stat folder;
  if (shim >= 0 || entries_running()) return;
  if (stat(".", &folder) < 0 || folder.st_nlink == 0) exit(0);
}

int main(int argc, char **argv) {
  if (argc != 2) {
    dprintf(2, "usage: catena-keeper FOLDER (a shim starts this)\n");
    return 2;
  }
  int signals = start(argv[1]);
  for (;;) {
    struct epoll_event event;
    int ready = epoll_wait(poller, &event, 1, shim < 0 ? IDLE_CHECK_MS : -1);
    if (ready == 0) leave_if_orphaned();
    if (ready <= 0) continue;
    uint32_t role = event.data.u64 & 0xff;
    struct entry *entry = &entries[event.data.u64 >> 8];
    struct signalfd_siginfo info;
    if (role == ROLE_LISTEN) accept_shim();
    else if (role == ROLE_SHIM) shim_step();
    else if (role == ROLES) console_step(entry);
    else if (role == OUT_FROM || role == OUT_TO) pump_step(entry, 0);
    else if (role == ALT_FROM || role == ALT_TO) pump_step(entry, 1);
    else {
      while (read(signals, &info, sizeof info) > 0) continue;
      reap_children();
    }
    if (entry->owed) tell_owed();
  }
}
