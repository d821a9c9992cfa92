/*
 * The warden: one per shim that a genuine containerd started. It holds a second descriptor of
 * every connection that the shim has, so that the shim's death does not end them, and starts the
 * shim again.
 *
 *     shim ── HOLD key (+ descriptor), DROP key, LEAVE, over SOCK_SEQPACKET ──▶ warden
 *     shim ◀── GIVE key (+ descriptor) …, END ── only to one that it started itself
 *
 * It reads no byte of what goes over the connections. The end of its own socket without LEAVE is
 * the shim's death. It keeps nothing on disk: a killed warden is started again by the living shim.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

enum { SHIM_FD = 3, MAX_HELD = 65536, SEND_SECONDS = 10 };
/* A shim that dies again and again is started ever more slowly, but always again: ending here would
   have containerd end all its containers. */
enum { FIRST_DELAY_MS = 10, LAST_DELAY_MS = 1000, STEADY_MS = 10000 };
enum message_type { HOLD = 1, DROP, LEAVE, GIVE, END };

struct message {
  uint32_t type, key;
};

static struct held {
  uint32_t key;
  int fd;
} held[MAX_HELD];
static uint32_t held_count;
static int shim = SHIM_FD;
static struct rlimit files;

static void drop(uint32_t key) {
  for (uint32_t i = 0; i < held_count; i++) {
    if (held[i].key != key) continue;
    close(held[i].fd);
    held[i] = held[--held_count];
    return;
  }
}

static void hold(uint32_t key, int fd) {
  drop(key); /* a key names one connection */
  if (held_count == MAX_HELD) close(fd);
  else held[held_count++] = (struct held){key, fd};
}

/* One message. `descriptor` is a descriptor to send along, or -1; received, what came along. */
static ssize_t transfer(bool sending, struct message *text, int *descriptor) {
  char control[CMSG_SPACE(sizeof(int))] __attribute__((aligned(8))) = {0};
  struct iovec part = {.iov_base = text, .iov_len = sizeof *text};
  struct msghdr message = {.msg_iov = &part, .msg_iovlen = 1, .msg_control = control,
                           .msg_controllen = sizeof control};
  struct cmsghdr *head = CMSG_FIRSTHDR(&message);
  if (sending) {
    if (*descriptor < 0) message.msg_controllen = 0;
    head->cmsg_level = SOL_SOCKET;
    head->cmsg_type = SCM_RIGHTS;
    head->cmsg_len = CMSG_LEN(sizeof(int));
    memcpy(CMSG_DATA(head), descriptor, sizeof(int));
    return sendmsg(shim, &message, MSG_NOSIGNAL);
  }
  *descriptor = -1;
  ssize_t got = recvmsg(shim, &message, MSG_CMSG_CLOEXEC);
  head = got < 0 ? NULL : CMSG_FIRSTHDR(&message);
  if (head && head->cmsg_level == SOL_SOCKET && head->cmsg_type == SCM_RIGHTS &&
      head->cmsg_len == CMSG_LEN(sizeof(int)))
    memcpy(descriptor, CMSG_DATA(head), sizeof(int));
  return got;
}

static bool give_all(void) {
  struct message text = {.type = GIVE};
  int none = -1;
  for (uint32_t i = 0; i < held_count; i++) {
    text.key = held[i].key;
    if (transfer(true, &text, &held[i].fd) != sizeof text) return false;
  }
  text = (struct message){.type = END};
  return transfer(true, &text, &none) == sizeof text;
}

static void run_shim(int end, char **argv) {
  sigset_t none;
  sigemptyset(&none);
  sigprocmask(SIG_SETMASK, &none, NULL);
  signal(SIGCHLD, SIG_DFL);
  setrlimit(RLIMIT_NOFILE, &files);
  setsid();
  if (dup2(end, SHIM_FD) < 0 || fcntl(SHIM_FD, F_SETFD, 0) < 0) _exit(126);
  syscall(SYS_close_range, SHIM_FD + 1, ~0u, 0);
  execv(argv[0], argv + 1);
  _exit(127);
}

/* Starts the shim again and hands it what is held. A failure is one more death: the caller sees the
   end of the socket. */
static void revive(char **argv) {
  int ends[2];
  struct timeval limit = {.tv_sec = SEND_SECONDS};
  close(shim);
  shim = -1;
  if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) < 0) return;
  shim = ends[0];
  pid_t child = fork();
  if (child == 0) run_shim(ends[1], argv);
  close(ends[1]);
  setsockopt(shim, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof limit);
  if (child > 0 && give_all()) return;
  close(shim); /* a shim that still waits for END sees this and ends too */
  shim = -1;
}

static uint64_t now_ms(void) {
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

/* Serves one shim until its socket ends. Returns true when it asked us to leave. */
static bool serve(void) {
  for (;;) {
    struct message text;
    int fd = -1;
    ssize_t got = transfer(false, &text, &fd);
    if (got < 0 && errno == EINTR) continue;
    if (got != sizeof text) {
      if (fd >= 0) close(fd);
      return false;
    }
    if (text.type == HOLD && fd >= 0) hold(text.key, fd);
    else if (fd >= 0) close(fd);
    if (text.type == DROP) drop(text.key);
    if (text.type == LEAVE) return true;
  }
}

int main(int argc, char **argv) {
  uint32_t delay = FIRST_DELAY_MS;
  sigset_t all;
  if (argc < 3) {
    dprintf(2, "usage: catena-warden PROGRAM NAME [ARGUMENT…] (a shim starts this)\n");
    return 2;
  }
  prctl(PR_SET_NAME, "catena-warden");
  setsid();
  sigfillset(&all);
  sigprocmask(SIG_SETMASK, &all, NULL);
  signal(SIGCHLD, SIG_IGN); /* children are reaped by the kernel */
  getrlimit(RLIMIT_NOFILE, &files);
  setrlimit(RLIMIT_NOFILE, &(struct rlimit){files.rlim_max, files.rlim_max});
  syscall(SYS_close_range, SHIM_FD + 1, ~0u, 0);
  if (fcntl(SHIM_FD, F_SETFD, FD_CLOEXEC) < 0) return 1;
  for (;;) {
    uint64_t since = now_ms();
    if (shim >= 0 && serve()) return 0;
    if (now_ms() - since > STEADY_MS) delay = FIRST_DELAY_MS;
    poll(NULL, 0, (int)delay);
    delay = delay * 3 > LAST_DELAY_MS ? LAST_DELAY_MS : delay * 3;
    revive(argv + 1);
  }
}
