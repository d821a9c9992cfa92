/* The init pipe: one byte each way, sometimes with a descriptor. */
#include "init.h"

#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>

int send_message(int socket, const void *bytes, size_t length, int fd) {
  char control[CMSG_SPACE(sizeof(int))] __attribute__((aligned(8))) = {0};
  struct iovec part = {.iov_base = (void *)(uintptr_t)bytes, .iov_len = length};
  struct msghdr message = {.msg_iov = &part, .msg_iovlen = 1};
  if (fd >= 0) {
    message.msg_control = control;
    message.msg_controllen = sizeof control;
    struct cmsghdr *header = CMSG_FIRSTHDR(&message);
    header->cmsg_level = SOL_SOCKET;
    header->cmsg_type = SCM_RIGHTS;
    header->cmsg_len = CMSG_LEN(sizeof fd);
    memcpy(CMSG_DATA(header), &fd, sizeof fd);
  }
  ssize_t sent;
  do sent = sendmsg(socket, &message, MSG_NOSIGNAL);
  while (sent < 0 && errno == EINTR);
  return sent == (ssize_t)length ? 0 : (sent < 0 ? errno : EIO);
}

int wait_for_go(void) {
  uint8_t answer = 0;
  ssize_t got;
  do got = recv(pipe_fd, &answer, 1, 0);
  while (got < 0 && errno == EINTR);
  /* The other end closed it: the launch was given up. */
  return got == 1 && answer == MESSAGE_GO ? 0 : ECANCELED;
}

int op_tell(struct args *args) {
  uint8_t message = (uint8_t)arg_u32(args);
  return send_message(pipe_fd, &message, 1, -1);
}

int op_await_go(struct args *args) {
  (void)args;
  return wait_for_go();
}

int op_sync(struct args *args) {
  int failed = op_tell(args);
  return failed != 0 ? failed : wait_for_go();
}

/* What stays open: sorted, with room for every slot and for ours. */
struct kept {
  int fds[MAX_SLOTS + 3];
  size_t count;
};

static void keep_fd(struct kept *kept, int fd) {
  size_t at = kept->count++;
  for (; at > 0 && kept->fds[at - 1] > fd; at--) kept->fds[at] = kept->fds[at - 1];
  kept->fds[at] = fd;
}

/* Closes all that is ours but those of `kept` and of the slots that the arguments name. */
static int close_others(struct kept *kept, struct args *args) {
  size_t most = kept->count + MAX_SLOTS;
  for (uint32_t left = arg_u32(args); left > 0 && kept->count < most && !args->bad; left--)
    keep_fd(kept, slot_fd(arg_i32(args)));
  if (args->bad) return EBADMSG;
  unsigned first = first_own_fd;
  for (size_t i = 0; i < kept->count; i++) {
    int fd = kept->fds[i];
    if ((int)first < fd) syscall(SYS_close_range, first, fd - 1, 0);
    if (fd >= (int)first) first = (unsigned)fd + 1;
  }
  syscall(SYS_close_range, first, ~0u, 0);
  root_fd = -1;
  return 0;
}

/* Before the working directory: /proc/self/fd/N as one must find no folder that only we opened. */
int op_close_others(struct args *args) {
  struct kept kept = {.count = 0};
  keep_fd(&kept, report_fd);
  keep_fd(&kept, pipe_fd);
  keep_fd(&kept, parent_fd);
  return close_others(&kept, args);
}

int op_hand_over(struct args *args) {
  struct kept kept = {.count = 0};
  keep_fd(&kept, report_fd);
  /* While it waits for `start`, a process of the container must find nothing of the host here. */
  int failed = close_others(&kept, args);
  if (failed != 0) return failed;
  /* A caller without privilege finds its container's namespaces only while it may look at us. */
  if (!launched_by_root) prctl(PR_SET_DUMPABLE, 1);
  pipe_fd = parent_fd = -1;
  return 0;
}
