/* A terminal of the container's own devpts. */
#include "init.h"

#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <termios.h>

/* The multiplexer of the container's devpts, after checking that it is one. */
static int open_master(void) {
  struct stat found;
  int fd = open_in_root("/dev/ptmx", O_RDWR | O_NOCTTY | O_NONBLOCK);
  if (fd < 0) return -1;
  bool real = fstat(fd, &found) == 0 && S_ISCHR(found.st_mode) && found.st_rdev == makedev(5, 2);
  if (real && fcntl(fd, F_SETFL, O_RDWR) == 0) return fd;
  close(fd);
  errno = ENOTTY;
  return -1;
}

static int mount_console(int slave) {
  mode_t before = umask(0);
  int target = make_in_root("/dev/console", NODE_FILE, false);
  umask(before);
  if (target < 0) return errno;
  int failed = bind_over(slave, target);
  close(target);
  return failed;
}

static int send_master(int socket, int master) {
  char name[40], number[24];
  unsigned index = 0;
  if (ioctl(master, TIOCGPTN, &index) < 0) return errno;
  number[text_number(number, index)] = 0;
  const char *parts[] = {"/dev/pts/", number};
  text_join(name, sizeof name, parts, 2);
  return send_message(socket, name, strlen(name), master);
}

static int use_terminal(int master, int socket, const struct winsize *size, bool console) {
  int unlocked = 0;
  if (ioctl(master, TIOCSPTLCK, &unlocked) < 0) return errno;
  /* By the descriptor, not by a path that the container could have replaced. */
  int slave = ioctl(master, TIOCGPTPEER, O_RDWR | O_NOCTTY | O_CLOEXEC);
  if (slave < 0) return errno;
  int failed = 0;
  if (size->ws_row != 0 && size->ws_col != 0 && ioctl(master, TIOCSWINSZ, size) < 0) failed = errno;
  if (failed == 0 && console) failed = mount_console(slave);
  if (failed == 0) failed = send_master(socket, master);
  for (int stream = 0; failed == 0 && stream <= 2; stream++)
    if (dup3(slave, stream, 0) < 0) failed = errno;
  if (failed == 0 && ioctl(0, TIOCSCTTY, 0) < 0) failed = errno;
  close(slave);
  return failed;
}

int op_terminal(struct args *args) {
  int socket = arg_i32(args);
  struct winsize size = {.ws_row = (unsigned short)arg_u32(args)};
  size.ws_col = (unsigned short)arg_u32(args);
  bool console = arg_u32(args) != 0;
  if (args->bad) return EBADMSG;
  int master = open_master();
  if (master < 0) {
    report_detail("/dev/ptmx");
    return errno;
  }
  int failed = use_terminal(master, socket, &size, console);
  close(master);
  close(socket);
  return failed;
}
