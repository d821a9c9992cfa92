/* Waiting in the foreground for a process that a runtime command started: signals are passed on to
 * it, a terminal is relayed, orphans are reaped. One blocking call, so that neither an event loop
 * nor streams have to be set up for a command that has nothing else to do. */
#include "addon.h"
#include "notify.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <termios.h>
#include <unistd.h>

#define RELAY_BYTES 32768
/* A pipe that polls writable takes this much without blocking. */
#define WRITE_BYTES 4096
/* After the process is gone, how long its terminal may still deliver what it wrote. */
#define DRAIN_MS 500
#define LAST_SIGNAL 64

/* One direction of a terminal: bytes that were read and wait to be written. */
struct relay {
  int from, to;
  char data[RELAY_BYTES];
  size_t start, end;
  bool open;
};

static int signal_pipe[2] = {-1, -1};
static struct sigaction saved_actions[LAST_SIGNAL + 1];

/* Signals that are our own affair: faults, job control of reads, and those nobody can catch. */
static bool is_forwarded(int number) {
  switch (number) {
    case SIGKILL:
    case SIGSTOP:
    case SIGCHLD:
    case SIGSEGV:
    case SIGBUS:
    case SIGILL:
    case SIGFPE:
    case SIGTRAP:
    case SIGABRT:
    case SIGSYS:
    case SIGPIPE:
    case SIGURG:
    case SIGTTIN:
    case SIGTTOU:
      return false;
    default:
      /* 32 to 34 belong to the C library. */
      return number < 32 || number > 34;
  }
}

static void on_signal(int number, siginfo_t *info, void *context) {
  /* The engine signals its own threads; that is none of the container's business. */
  if (info != NULL && info->si_code == SI_TKILL && info->si_pid == getpid()) {
    const struct sigaction *own = &saved_actions[number];
    if ((own->sa_flags & SA_SIGINFO) && own->sa_sigaction != NULL) {
      own->sa_sigaction(number, info, context);
    } else if (own->sa_handler != SIG_DFL && own->sa_handler != SIG_IGN) {
      own->sa_handler(number);
    }
    return;
  }
  int saved = errno;
  unsigned char byte = (unsigned char)number;
  ssize_t ignored = write(signal_pipe[1], &byte, 1);
  (void)ignored;
  errno = saved;
}

/* foregroundPrepare(subreaper): catches signals from now on: none is lost before the wait */
static napi_value call_prepare(napi_env env, napi_callback_info info) {
  napi_value args[ADDON_MAX_ARGS];
  addon_args(env, info, args);
  if (addon_int(env, args[0], 0) && prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) < 0) {
    return addon_throw_errno(env, errno, "prctl", NULL);
  }
  if (signal_pipe[0] < 0 && pipe2(signal_pipe, O_CLOEXEC | O_NONBLOCK) < 0) {
    return addon_throw_errno(env, errno, "pipe2", NULL);
  }
  struct sigaction action;
  memset(&action, 0, sizeof action);
  action.sa_sigaction = on_signal;
  action.sa_flags = SA_SIGINFO | SA_RESTART;
  sigfillset(&action.sa_mask);
  for (int number = 1; number <= LAST_SIGNAL; number++) {
    if (number == SIGCHLD || is_forwarded(number)) {
      sigaction(number, &action, &saved_actions[number]);
    }
  }
  return addon_undefined(env);
}

static void copy_window_size(int from, int to) {
  struct winsize size;
  if (ioctl(from, TIOCGWINSZ, &size) == 0) (void)ioctl(to, TIOCSWINSZ, &size);
}

/* Moves what can be moved without blocking. Closes the direction at its end. */
static void relay_step(struct relay *relay, short from_events, short to_events) {
  if (relay->open && relay->start == relay->end && from_events != 0) {
    ssize_t got = read(relay->from, relay->data, sizeof relay->data);
    if (got > 0) {
      relay->start = 0;
      relay->end = (size_t)got;
      to_events = POLLOUT;
    } else if (got == 0 || (errno != EAGAIN && errno != EINTR)) {
      relay->open = false;
    }
  }
  if (relay->start < relay->end && to_events != 0) {
    size_t left = relay->end - relay->start;
    if (left > WRITE_BYTES) left = WRITE_BYTES;
    ssize_t put = write(relay->to, relay->data + relay->start, left);
    if (put > 0) {
      relay->start += (size_t)put;
    } else if (put < 0 && errno != EAGAIN && errno != EINTR) {
      relay->start = relay->end;
      relay->open = false;
    }
  }
}

struct wait_state {
  pid_t pid;
  int host_tty, master;
  /* The container's notification socket until it is ready, and where to pass that on. */
  int notify;
  const char *notify_host;
  int status;
  bool exited;
};

/* Reaps whoever ended; orphans come to a subreaper. */
static void reap(struct wait_state *state) {
  int status;
  for (int i = 0; i < 4096; i++) {
    pid_t pid = waitpid(-1, &status, WNOHANG);
    if (pid <= 0) return;
    if (pid == state->pid) {
      state->status = status;
      state->exited = true;
    }
  }
}

static void take_signals(struct wait_state *state) {
  unsigned char numbers[256];
  ssize_t count = read(signal_pipe[0], numbers, sizeof numbers);
  for (ssize_t i = 0; i < count; i++) {
    if (numbers[i] == SIGCHLD) continue;
    if (numbers[i] == SIGWINCH && state->master >= 0) {
      if (state->host_tty >= 0) copy_window_size(state->host_tty, state->master);
      continue;
    }
    (void)kill(state->pid, numbers[i]);
  }
  if (count > 0) reap(state);
}

static void wait_loop(struct wait_state *state, struct relay *input, struct relay *output) {
  int drain_left = DRAIN_MS;
  reap(state);
  for (;;) {
    bool drained = output == NULL || (!output->open && output->start == output->end);
    if (state->exited && drained) return;
    struct pollfd fds[6] = {{.fd = signal_pipe[0], .events = POLLIN}, {.fd = -1}, {.fd = -1},
                            {.fd = -1}, {.fd = -1}, {.fd = state->notify, .events = POLLIN}};
    if (input != NULL) {
      if (input->open && input->start == input->end)
        fds[1] = (struct pollfd){input->from, POLLIN, 0};
      if (input->start < input->end) fds[2] = (struct pollfd){input->to, POLLOUT, 0};
    }
    if (output != NULL) {
      if (output->open && output->start == output->end)
        fds[3] = (struct pollfd){output->from, POLLIN, 0};
      if (output->start < output->end) fds[4] = (struct pollfd){output->to, POLLOUT, 0};
    }
    int ready = poll(fds, 6, state->exited ? 20 : -1);
    if (fds[0].revents) take_signals(state);
    if (fds[5].revents && notify_forward(state->notify, state->notify_host, getpid())) {
      state->notify = -1;
    }
    if (input != NULL) relay_step(input, fds[1].revents, fds[2].revents);
    if (output != NULL) relay_step(output, fds[3].revents, fds[4].revents);
    /* The terminal's other end may live on in a process that was left behind. */
    if (state->exited && ready == 0 && (drain_left -= 20) <= 0) return;
  }
}

static void set_nonblocking(int fd) {
  int flags = fcntl(fd, F_GETFL);
  if (flags >= 0) (void)fcntl(fd, F_SETFL, flags | O_NONBLOCK);
}

static int find_terminal(void) {
  for (int fd = 2; fd >= 0; fd--) {
    if (isatty(fd)) return dup(fd);
  }
  return open("/dev/tty", O_RDWR | O_CLOEXEC | O_NOCTTY);
}

/* Our terminal goes raw; the container's own line discipline does the editing. */
static bool make_raw(int tty, struct termios *saved) {
  if (tty < 0 || tcgetattr(tty, saved) < 0) return false;
  struct termios raw = *saved;
  cfmakeraw(&raw);
  return tcsetattr(tty, TCSANOW, &raw) == 0;
}

/* foregroundTerminal(): true when there is a terminal to relay */
static napi_value call_terminal(napi_env env, napi_callback_info info) {
  (void)info;
  int tty = find_terminal();
  if (tty < 0) return addon_throw_errno(env, errno, "open", "/dev/tty");
  close(tty);
  return addon_undefined(env);
}

/* foregroundWait(pid, master or -1, notify socket or -1, its host or null): exit code as a shell
 * says it (128 + signal) */
static napi_value call_wait(napi_env env, napi_callback_info info) {
  napi_value args[ADDON_MAX_ARGS];
  addon_args(env, info, args);
  struct wait_state state = {.pid = (pid_t)addon_int(env, args[0], -1), .host_tty = -1,
                             .master = (int)addon_int(env, args[1], -1),
                             .notify = (int)addon_int(env, args[2], -1)};
  if (state.pid <= 0 || signal_pipe[0] < 0) return addon_throw_errno(env, EINVAL, "wait", NULL);
  struct relay *relays = NULL;
  struct termios saved;
  bool raw = false;
  if (state.master >= 0) {
    relays = calloc(2, sizeof *relays);
    if (relays == NULL) return addon_throw_errno(env, ENOMEM, "calloc", NULL);
    relays[0].from = 0, relays[0].to = state.master, relays[0].open = true;
    relays[1].from = state.master, relays[1].to = 1, relays[1].open = true;
    set_nonblocking(state.master);
    state.host_tty = find_terminal();
    if (state.host_tty >= 0) copy_window_size(state.host_tty, state.master);
    raw = make_raw(state.host_tty, &saved);
  }
  char *host = addon_string(env, args[3]);
  state.notify_host = host;
  if (host == NULL) state.notify = -1;
  wait_loop(&state, relays, relays ? relays + 1 : NULL);
  if (raw) (void)tcsetattr(state.host_tty, TCSANOW, &saved);
  if (state.host_tty >= 0) close(state.host_tty);
  free(relays);
  free(host);
  int code = WIFSIGNALED(state.status) ? 128 + WTERMSIG(state.status) : WEXITSTATUS(state.status);
  return addon_number(env, code);
}

/* clearOutputNewline(fd): no "\n" to "\r\n" on a container's terminal; the host's own does it */
static napi_value call_clear_onlcr(napi_env env, napi_callback_info info) {
  napi_value args[ADDON_MAX_ARGS];
  addon_args(env, info, args);
  int fd = (int)addon_int(env, args[0], -1);
  struct termios settings;
  if (tcgetattr(fd, &settings) < 0) return addon_throw_errno(env, errno, "tcgetattr", NULL);
  settings.c_oflag &= ~(tcflag_t)ONLCR;
  if (tcsetattr(fd, TCSANOW, &settings) < 0) {
    return addon_throw_errno(env, errno, "tcsetattr", NULL);
  }
  return addon_undefined(env);
}

const struct addon_function foreground_functions[] = {
    {"foregroundPrepare", call_prepare},
    {"foregroundTerminal", call_terminal},
    {"foregroundWait", call_wait},
    {"clearOutputNewline", call_clear_onlcr},
    {NULL, NULL},
};
