/* A procfs that the container cannot have tampered with, and what is written through it. */
#include "init.h"

#include <sys/stat.h>
#include <sys/vfs.h>

#define PROC_MAGIC 0x9fa0
#define PROC_ROOT_INODE 1

int op_open_proc(struct args *args) {
  int32_t slot = arg_i32(args);
  int fd = new_filesystem("proc", "proc", NULL, 0);
  if (fd >= 0) return slot_store(slot, fd);
  /* A user namespace whose host hides parts of /proc may not mount one: take the container's. */
  if (errno != EPERM) return errno;
  struct statfs kind;
  struct stat top;
  /* Before there is a root, in the host's pid namespace, it is the host's: ours as well. */
  fd = root_fd >= 0 ? open_in_root("/proc", O_PATH | O_DIRECTORY)
                    : open("/proc", O_PATH | O_DIRECTORY | O_CLOEXEC);
  if (fd < 0) return errno;
  bool real = fstatfs(fd, &kind) == 0 && kind.f_type == PROC_MAGIC && fstat(fd, &top) == 0 &&
              top.st_ino == PROC_ROOT_INODE;
  if (real) return slot_store(slot, fd);
  close(fd);
  return EXDEV;
}

int open_self(int proc_fd, const char *file, int flags) {
  char path[64], link[24], number[24];
  number[text_number(number, (uint64_t)getpid())] = 0;
  /* Must be the procfs of our own pid namespace, or the number names somebody else. */
  ssize_t length = readlinkat(proc_fd, "self", link, sizeof link - 1);
  if (length < 0) return -1;
  link[length] = 0;
  const char *parts[] = {number, "/", file};
  if (strcmp(link, number) != 0 || !text_join(path, sizeof path, parts, 3)) {
    errno = ESRCH;
    return -1;
  }
  return open_beneath(proc_fd, path, (uint64_t)flags);
}

static int write_all(int fd, const char *text) {
  if (fd < 0) return errno;
  size_t length = strlen(text);
  ssize_t wrote = write(fd, text, length);
  int failed = wrote == (ssize_t)length ? 0 : (wrote < 0 ? errno : EIO);
  close(fd);
  return failed;
}

int op_sysctl(struct args *args) {
  int proc = slot_fd(arg_i32(args));
  const char *name = arg_text(args), *value = arg_text(args);
  char path[PATH_MAX];
  const char *parts[] = {"sys/", name};
  if (args->bad || !text_join(path, sizeof path, parts, 2)) return EBADMSG;
  return write_all(open_beneath(proc, path, O_WRONLY), value);
}

int op_label(struct args *args) {
  int proc = slot_fd(arg_i32(args));
  const char *file = arg_text(args), *text = arg_text(args);
  return args->bad ? EBADMSG : write_all(open_self(proc, file, O_WRONLY), text);
}

int op_wait_start(struct args *args) {
  int proc = slot_fd(arg_i32(args)), fifo = slot_fd(arg_i32(args));
  char number[24];
  number[text_number(number, (uint64_t)(fifo < 0 ? 0 : fifo))] = 0;
  int folder = open_self(proc, "fd", O_RDONLY | O_DIRECTORY);
  if (folder < 0) return errno;
  int fd;
  /* The only way to open for writing what we hold as O_PATH; waits until `start` opens it. */
  do fd = openat(folder, number, O_WRONLY | O_CLOEXEC);
  while (fd < 0 && errno == EINTR);
  int failed = fd < 0 ? errno : 0;
  close(folder);
  close(fifo);
  if (fd < 0) return failed;
  failed = write(fd, "0", 1) == 1 ? 0 : errno;
  close(fd);
  return failed;
}
