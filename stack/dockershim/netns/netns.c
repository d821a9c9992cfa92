// What is done inside a pod's network namespace, which Bun, being multithreaded, must not enter:
//   catena-netns forward NETNS PORT   connects to a port on the pod's loopback and carries bytes
//                                     between that connection and our stdin and stdout
// Exit code: 0 when it is done, 1 with the reason on stderr.
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum { BUFFER_BYTES = 65536 };

/* One direction: what was read from `from` and is not yet written to `to`. */
struct flow {
  int from, to;
  size_t start, end;
  int source_ended, done;
  char bytes[BUFFER_BYTES];
};

static int fail(const char *what, const char *object) {
  fprintf(stderr, "%s %s: %s\n", what, object, strerror(errno));
  return 1;
}

static int connect_loopback(int port) {
  struct sockaddr_in v4 = {.sin_family = AF_INET,
                           .sin_port = htons((unsigned short)port),
                           .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
  int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (fd >= 0 && connect(fd, (struct sockaddr *)&v4, sizeof v4) == 0) return fd;
  int first_error = errno;
  if (fd >= 0) close(fd);
  struct sockaddr_in6 v6 = {.sin6_family = AF_INET6,
                            .sin6_port = htons((unsigned short)port),
                            .sin6_addr = IN6ADDR_LOOPBACK_INIT};
  fd = socket(AF_INET6, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (fd >= 0 && connect(fd, (struct sockaddr *)&v6, sizeof v6) == 0) return fd;
  if (fd >= 0) close(fd);
  errno = first_error;
  return -1;
}

static void finish(struct flow *flow, int connection) {
  flow->done = 1;
  if (flow->to == connection) shutdown(connection, SHUT_WR);
  else close(flow->to);
}

/* Moves what can be moved without waiting. Returns -1 when the connection broke. */
static int advance(struct flow *flow, int readable, int writable, int connection) {
  if (readable && flow->end == 0) {
    ssize_t got = read(flow->from, flow->bytes, BUFFER_BYTES);
    if (got < 0 && errno != EAGAIN && errno != EINTR) return -1;
    if (got == 0) flow->source_ended = 1;
    if (got > 0) {
      flow->start = 0;
      flow->end = (size_t)got;
      writable = 1;
    }
  }
  if (writable && flow->end > 0) {
    ssize_t put = write(flow->to, flow->bytes + flow->start, flow->end - flow->start);
    if (put < 0 && errno != EAGAIN && errno != EINTR) return -1;
    if (put > 0) flow->start += (size_t)put;
    if (flow->start == flow->end) flow->start = flow->end = 0;
  }
  if (flow->source_ended && flow->end == 0 && !flow->done) finish(flow, connection);
  return 0;
}

static int carry(int connection) {
  static struct flow flows[2];
  flows[0].from = STDIN_FILENO;
  flows[0].to = connection;
  flows[1].from = connection;
  flows[1].to = STDOUT_FILENO;
  for (int fd = 0; fd < 2; fd++) fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) | O_NONBLOCK);
  fcntl(connection, F_SETFL, fcntl(connection, F_GETFL) | O_NONBLOCK);
  /* The far end's end of file ends it: what the client might still send has no reader. */
  while (!flows[1].done) {
    struct pollfd waits[4];
    for (int i = 0; i < 2; i++) {
      struct flow *flow = &flows[i];
      int reads = !flow->done && !flow->source_ended && flow->end == 0;
      waits[2 * i] = (struct pollfd){.fd = reads ? flow->from : -1, .events = POLLIN};
      waits[2 * i + 1] = (struct pollfd){.fd = flow->end > 0 ? flow->to : -1, .events = POLLOUT};
    }
    if (poll(waits, 4, -1) < 0 && errno != EINTR) return fail("wait on", "streams");
    for (int i = 0; i < 2; i++) {
      int failed = advance(&flows[i], waits[2 * i].revents != 0, waits[2 * i + 1].revents != 0,
                           connection);
      if (failed) return errno == EPIPE || errno == ECONNRESET ? 0 : fail("carry", "bytes");
    }
  }
  return 0;
}

static int enter(const char *path) {
  int netns = open(path, O_RDONLY | O_CLOEXEC);
  if (netns < 0) return fail("open network namespace", path);
  if (setns(netns, CLONE_NEWNET) != 0) return fail("enter network namespace", path);
  close(netns);
  return 0;
}

static int forward(const char *netns, const char *text) {
  char *rest = NULL;
  long port = strtol(text, &rest, 10);
  if (*rest != '\0' || port < 1 || port > 65535) {
    errno = EINVAL;
    return fail("port", text);
  }
  signal(SIGPIPE, SIG_IGN);
  if (enter(netns) != 0) return 1;
  int connection = connect_loopback((int)port);
  if (connection < 0) return fail("connect to port", text);
  return carry(connection);
}

int main(int argc, char **argv) {
  if (argc == 4 && strcmp(argv[1], "forward") == 0) return forward(argv[2], argv[3]);
  fputs("usage: catena-netns forward NETNS PORT\n", stderr);
  return 2;
}
