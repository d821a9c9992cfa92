/* Network interfaces, by rtnetlink: the loopback of a new network namespace. */
#include "init.h"
#include "netlink.h"

#define LOOPBACK_INDEX 1 /* the kernel makes it with the namespace */

int op_loopback(struct args *args) {
  (void)args;
  int fd = netlink_open();
  if (fd < 0) return errno;
  int failed = netlink_set_up(fd, LOOPBACK_INDEX, true);
  close(fd);
  return failed;
}
