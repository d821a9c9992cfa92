/*
 * The keeper: one per container. Parent of its processes, holder of its streams and terminals, and
 * the one that writes each exit to disk before telling anybody.
 *
 *     shim ── messages over SOCK_SEQPACKET, one packet each ──▶ keeper ── vfork, exec ──▶ runtime
 *          ◀── replies; EXIT, HELPER, CONSOLE, DRAINED ───────       ◀── orphans (subreaper) ──┘
 *
 * A packet: header, payload; descriptors travel beside it (SCM_RIGHTS). All numbers little-endian.
 * A process is named by a token that the shim never uses twice; pids never name one, because a pid
 * is only safe while its process is unreaped:
 *
 *     OPEN T (streams) → SPAWN T (a runtime) → HELPER … → ADOPT T pid → EXIT T → FORGET T
 *
 * Between SPAWN and ADOPT no unknown child is reaped, so the pid that ADOPT names cannot have been
 * given to another process in between.
 */
#ifndef CATENA_KEEPER_H
#define CATENA_KEEPER_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

enum { MAX_PACKET = 160 * 1024, MAX_FDS = 32, MAX_STRINGS = 4096, MAX_ENTRIES = 1024 };

enum message_type {
  HELLO = 1, OPEN, SPAWN, ADOPT, CONSOLE, RESIZE, CLOSE_STDIN, SIGNAL, FORGET, QUIT,
  REPLY = 64, EXIT, HELPER, CONSOLE_READY, DRAINED,
};

struct header {
  uint32_t length; /* of the whole packet */
  uint32_t type;
  uint32_t request; /* echoed in the reply */
  uint32_t token;
};

/* What a descriptor given by OPEN is for. */
enum role {
  IN, OUT, ERR,              /* the process's own ends, closed here once it runs */
  IN_HOLD, OUT_HOLD, ERR_HOLD, /* far ends held, so that a client may vanish and return */
  OUT_FROM, OUT_TO,          /* copied: a pipe to a file, or a terminal's master to a FIFO */
  ALT_FROM, ALT_TO,          /* the second copy: stderr, or a terminal's stdin */
  ROLES,
};

enum state { FREE, OPENED, RUNNING, EXITED };

/* A copy in progress: at most one buffer is between the two ends. */
struct pump {
  char *buffer;
  uint32_t length, offset;
};

/* What the shim is still to be told about an entry; bits. */
enum { OWE_EXIT = 1, OWE_CONSOLE = 2, OWE_DRAINED = 4 };

struct entry {
  uint32_t token;
  uint8_t state;
  bool helper;   /* a runtime's executable rather than a process of the container */
  bool spawned;  /* a runtime was started for it: its process may be among our children */
  bool terminal, drained;
  uint8_t owed;
  pid_t pid;
  int32_t code, signal; /* as wait(2) tells: exit code, or the signal that ended it */
  uint64_t exited_ns;   /* CLOCK_REALTIME */
  int fds[ROLES];
  int console; /* socket that the terminal's master comes from */
  uint16_t columns, rows;
  struct pump pumps[2];
};

/* One slot of the ledger file, fixed size, written in place: it outlives keeper and shim. */
struct record {
  uint32_t token, pid, state;
  int32_t code, signal, reserved;
  uint64_t exited_ns;
};

struct packet {
  struct header header;
  const uint8_t *payload;
  uint32_t size;
  int fds[MAX_FDS];
  uint32_t fd_count;
};

struct launch {
  const char *executable, *directory;
  char *argv[MAX_STRINGS / 2 + 1], *env[MAX_STRINGS / 2 + 1];
  int exec_fd, stdio[3];
  int fds[MAX_FDS], targets[MAX_FDS];
  uint32_t fd_count;
};

/* decode.c: pure, no system calls. 0 or an errno. */
int decode_header(const uint8_t *bytes, uint32_t length, struct header *out);
int decode_launch(const struct packet *packet, struct launch *out);
int decode_roles(const struct packet *packet, int fds[ROLES]);

/* process.c */
extern struct entry entries[MAX_ENTRIES];
extern uint32_t entry_count;
int ledger_open(void);
struct entry *entry_find(uint32_t token);
int entry_open(const struct packet *packet);
int entry_spawn(struct entry *owner, struct launch *launch, pid_t *pid);
int entry_adopt(struct entry *entry, pid_t pid);
void entry_forget(struct entry *entry);
bool entries_running(void);
void reap_children(void);

/* pump.c */
extern int poller;
void close_fd(int *fd);
void watch(int fd, uint32_t events, struct entry *entry, uint32_t role);
void pump_start(struct entry *entry, int index);
void pump_step(struct entry *entry, int index);
void pump_stop(struct entry *entry, int index);
void console_listen_result(struct entry *entry);
int console_open(struct entry *entry);
void console_step(struct entry *entry);
int console_resize(struct entry *entry, uint16_t columns, uint16_t rows);

/* main.c: tells the shim what is owed, as far as its socket takes it. */
void tell_owed(void);
void tell_helper(const struct entry *helper);

#endif
