/* Copying: a terminal's master to and from its FIFOs, a pipe to a log file. One buffer a copy, and
   exactly one of its two ends is watched, so that a hung-up end never spins. */
#include "keeper.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <termios.h>
#include <unistd.h>

enum { PUMP_BYTES = 32 * 1024, PUMP_ROUNDS = 16 };

int poller = -1;

void close_fd(int *fd) {
  if (*fd >= 0) close(*fd); /* epoll forgets it: we never share a watched description */
  *fd = -1;
}

void watch(int fd, uint32_t events, struct entry *entry, uint32_t role) {
  uint64_t slot = entry ? (uint64_t)(entry - entries) : 0;
  struct epoll_event event = {.events = events, .data.u64 = slot << 8 | role};
  if (events == 0)
    epoll_ctl(poller, EPOLL_CTL_DEL, fd, NULL);
  else if (epoll_ctl(poller, EPOLL_CTL_ADD, fd, &event) < 0)
    epoll_ctl(poller, EPOLL_CTL_MOD, fd, &event);
}

/* Starts a copy whose two ends are both there; a terminal's wait for its master. */
void pump_start(struct entry *entry, int index) {
  int *from = &entry->fds[OUT_FROM + index * 2], *to = &entry->fds[OUT_TO + index * 2];
  if (*from < 0 || *to < 0 || entry->pumps[index].buffer) return;
  entry->pumps[index].buffer = malloc(PUMP_BYTES);
  if (entry->pumps[index].buffer == NULL) return;
  if (!(entry->terminal && index == 1)) entry->drained = false;
  fcntl(*from, F_SETFL, fcntl(*from, F_GETFL) | O_NONBLOCK);
  fcntl(*to, F_SETFL, fcntl(*to, F_GETFL) | O_NONBLOCK);
  watch(*from, EPOLLIN, entry, OUT_FROM + (uint32_t)index * 2);
}

void pump_stop(struct entry *entry, int index) {
  struct pump *pump = &entry->pumps[index];
  if (pump->buffer == NULL) return;
  free(pump->buffer);
  *pump = (struct pump){0};
  /* Closing the writing end is what tells the reader of a FIFO that the stream is over. */
  close_fd(&entry->fds[OUT_FROM + index * 2]);
  close_fd(&entry->fds[OUT_TO + index * 2]);
  bool busy = entry->pumps[0].buffer || (!entry->terminal && entry->pumps[1].buffer);
  if (busy || entry->drained) return;
  entry->drained = true;
  entry->owed |= OWE_DRAINED;
}

void pump_step(struct entry *entry, int index) {
  struct pump *pump = &entry->pumps[index];
  uint32_t from_role = OUT_FROM + (uint32_t)index * 2;
  int from = entry->fds[from_role], to = entry->fds[from_role + 1];
  if (pump->buffer == NULL) return;
  for (int round = 0; round < PUMP_ROUNDS; round++) {
    if (pump->length == 0) {
      ssize_t got = read(from, pump->buffer, PUMP_BYTES);
      if (got < 0 && (errno == EAGAIN || errno == EINTR)) break;
      if (got <= 0) return pump_stop(entry, index); /* EIO: the terminal's last slave is closed */
      pump->length = (uint32_t)got;
      pump->offset = 0;
    }
    ssize_t put = write(to, pump->buffer + pump->offset, pump->length);
    if (put < 0 && errno == EINTR) continue;
    if (put < 0 && errno == EAGAIN) break;
    if (put < 0 && errno == EIO && index == 1) return pump_stop(entry, index);
    if (put < 0) put = (ssize_t)pump->length; /* a full disk loses the log, not the container */
    pump->offset += (uint32_t)put;
    pump->length -= (uint32_t)put;
  }
  watch(from, pump->length == 0 ? EPOLLIN : 0, entry, from_role);
  watch(to, pump->length == 0 ? 0 : EPOLLOUT, entry, from_role + 1);
}

static void console_name(const struct entry *entry, struct sockaddr_un *address) {
  *address = (struct sockaddr_un){.sun_family = AF_UNIX};
  snprintf(address->sun_path, sizeof address->sun_path, "console-%u", entry->token);
}

/* Ends waiting for a master. */
void console_listen_result(struct entry *entry) {
  struct sockaddr_un address;
  if (entry->console < 0) return;
  console_name(entry, &address);
  unlink(address.sun_path);
  close_fd(&entry->console);
}

/* Listens in our folder for the runtime to send the terminal's master. */
int console_open(struct entry *entry) {
  struct sockaddr_un address;
  if (entry->console >= 0 || entry->state != OPENED) return EALREADY;
  console_name(entry, &address);
  unlink(address.sun_path);
  entry->console = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  if (entry->console < 0) return errno;
  entry->terminal = true;
  if (bind(entry->console, (struct sockaddr *)&address, sizeof address) < 0 ||
      listen(entry->console, 1) < 0) {
    int error = errno;
    console_listen_result(entry);
    return error;
  }
  watch(entry->console, EPOLLIN, entry, ROLES);
  return 0;
}

static void console_take(struct entry *entry, int master) {
  struct winsize size = {.ws_col = entry->columns, .ws_row = entry->rows};
  if (entry->fds[OUT_FROM] >= 0 || !isatty(master)) {
    close(master);
    return;
  }
  if (size.ws_col || size.ws_row) ioctl(master, TIOCSWINSZ, &size);
  entry->fds[OUT_FROM] = master;
  if (entry->fds[ALT_FROM] >= 0) entry->fds[ALT_TO] = fcntl(master, F_DUPFD_CLOEXEC, 0);
  pump_start(entry, 0);
  pump_start(entry, 1);
  entry->owed |= OWE_CONSOLE;
  console_listen_result(entry);
  tell_owed();
}

void console_step(struct entry *entry) {
  int peer = accept4(entry->console, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
  if (peer >= 0) { /* the one connection takes the listener's place */
    close_fd(&entry->console);
    entry->console = peer;
    watch(peer, EPOLLIN, entry, ROLES);
    return;
  }
  if (errno == EAGAIN) return;
  char name[4096], control[CMSG_SPACE(sizeof(int) * 4)] __attribute__((aligned(8)));
  struct iovec part = {.iov_base = name, .iov_len = sizeof name};
  struct msghdr message = {.msg_iov = &part, .msg_iovlen = 1, .msg_control = control,
                           .msg_controllen = sizeof control};
  ssize_t got = recvmsg(entry->console, &message, MSG_CMSG_CLOEXEC);
  if (got < 0 && errno == EAGAIN) return;
  struct cmsghdr *head = got < 0 ? NULL : CMSG_FIRSTHDR(&message);
  if (head == NULL || head->cmsg_type != SCM_RIGHTS) return console_listen_result(entry);
  size_t count = (head->cmsg_len - CMSG_LEN(0)) / sizeof(int);
  for (size_t i = 0; i < count; i++) {
    int fd;
    memcpy(&fd, CMSG_DATA(head) + i * sizeof fd, sizeof fd);
    console_take(entry, fd); /* keeps the first terminal, closes anything else */
  }
}

int console_resize(struct entry *entry, uint16_t columns, uint16_t rows) {
  struct winsize size = {.ws_col = columns, .ws_row = rows};
  if (!entry->terminal) return ENOTTY;
  entry->columns = columns;
  entry->rows = rows;
  if (entry->fds[OUT_FROM] < 0) return 0; /* applied when the master comes */
  return ioctl(entry->fds[OUT_FROM], TIOCSWINSZ, &size) < 0 ? errno : 0;
}
