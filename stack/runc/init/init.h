/*
 * init: performs a plan (wire/init-pipe) in three stages. It knows nothing of OCI.
 *
 *   parent      in the host's namespaces; opens host paths; clones the child, then serves it
 *     child       joins or makes namespaces; clones the grandchild and exits
 *       grandchild  inside all of them; builds the root, becomes the user, calls execve
 *
 * All three are children of whoever launched init. No threads, no allocation: what an operation
 * needs lies in the plan's mapping, on the stack or in static storage.
 */
#ifndef CATENA_INIT_H
#define CATENA_INIT_H

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/types.h>
#include <unistd.h>

#include "plan_format.h"

/* Most retries of openat2 against a tree that changes under it, and most dangling links followed.
 */
#define MAX_RETRIES 64
#define MAX_LINKS_FOLLOWED 16

/* Reads one operation's arguments in order; `bad` is set when they end too early. */
struct args {
  const uint8_t *at, *end;
  bool bad;
};

uint32_t arg_u32(struct args *args);
int32_t arg_i32(struct args *args);
uint64_t arg_u64(struct args *args);
const char *arg_text(struct args *args);
/* A text that may be absent (NULL): the value of a flag. */
const char *arg_optional_text(struct args *args);
const uint8_t *arg_bytes(struct args *args, uint32_t *length);
/* Fills `out` (room for `most` and a final NULL) with pointers into the plan; returns the count. */
uint32_t arg_texts(struct args *args, char **out, uint32_t most);

struct attributes {
  uint64_t set, clear, recursive_set, recursive_clear;
  uint32_t propagations;
  int32_t propagation[8];
};
void arg_attributes(struct args *args, struct attributes *out);

/* One function for each operation: 0, or the errno of its failure. */
#define DECLARE(name, code) int op_##name(struct args *args);
PLAN_OPERATIONS(DECLARE)
#undef DECLARE

/* report.c: plain stores into the shared report, no system calls. */
extern uint8_t *report;
uint64_t clock_ns(int clock);
void report_u32(size_t at, uint32_t value);
void report_u64(size_t at, uint64_t value);
/* What the operation is about, or what it found: shown with its failure. */
void report_detail(const char *text);
void report_begin_stage(uint32_t stage, size_t began_at);

/* host_stage.c: a file of the target's folder in the host's procfs. */
int open_process_file(const char *file, int flags);
int write_process_file(const char *file, const char *text);

/* late_failure.c */
void tell_late_failure(bool hook, int failed);

/* main.c */
extern int pipe_fd;           /* our end of the init pipe, -1 once handed over */
extern int report_fd;         /* the report, for whoever looks at a process that waits */
extern unsigned first_own_fd; /* below it are those that the program gets */
extern int parent_fd;         /* to the parent stage, for what it performs on our behalf */
extern uint32_t stage;
extern bool launched_by_root;
extern pid_t target_pid;   /* parent stage: on whose behalf it performs */
extern bool clock_allowed; /* false behind the last filter when reading it takes a system call */
extern bool clock_is_plain;
_Noreturn void serve_stages(int request_fd);
/* Ends the process, whatever filter it has: the library's _exit would try for ever. */
_Noreturn void leave(int code);

int slot_fd(int32_t slot);
int slot_store(int32_t slot, int fd);

/* root_path.c: paths inside the container's root; descriptors are O_PATH and close-on-exec. */
extern int root_fd;
enum node { NODE_FOLDER, NODE_FILE };
int open_in_root(const char *path, uint64_t flags);
int open_beneath(int dir, const char *path, uint64_t flags);
int make_in_root(const char *path, enum node node, bool plain);
/* Opens the folder that holds the last component, making it; `name` gets that component. */
int make_parent(const char *path, char name[NAME_MAX + 1]);

/* mount_attach.c */
int attach_mount(int mount_fd, int target_fd, const struct attributes *attributes);
int set_attributes(int mount_fd, const struct attributes *attributes);
int new_filesystem(const char *type, const char *source, struct args *options, uint64_t attributes);
int bind_over(int source_fd, int target_fd);

/* tree_copy.c: copies a folder's content; both are descriptors opened for reading. */
int copy_tree(int from, int to);

/* proc_access.c: this process's folder in a verified procfs. */
int open_self(int proc_fd, const char *file, int flags);

/* Static strings of the program to run. */
extern char program_path[PATH_MAX];
extern char home_variable[PATH_MAX + 8];

/* text.c */
size_t text_number(char *out, uint64_t value);
/* Joins up to `count` texts into `out`; false when they do not fit. */
bool text_join(char *out, size_t size, const char *const *parts, size_t count);

/* socket_message.c */
int send_message(int socket, const void *bytes, size_t length, int fd);
int wait_for_go(void);

#endif
