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

/* Closes all from `first` on but those of `kept`, which is sorted. */
static void close_others(unsigned first, const int *kept, size_t count) {
  for (size_t i = 0; i < count; i++) {
    if ((int)first < kept[i]) syscall(SYS_close_range, first, kept[i] - 1, 0);
    first = (unsigned)kept[i] + 1;
  }
  syscall(SYS_close_range, first, ~0u, 0);
}

int op_hand_over(struct args *args) {
  int kept[MAX_SLOTS + 1];
  size_t count = 0;
  kept[count++] = report_fd;
  for (uint32_t left = arg_u32(args); left > 0 && count <= MAX_SLOTS && !args->bad; left--) {
    int fd = slot_fd(arg_i32(args));
    size_t at = count++;
    for (; at > 0 && kept[at - 1] > fd; at--) kept[at] = kept[at - 1];
    kept[at] = fd;
  }
  if (args->bad) return EBADMSG;
  /* While it waits for `start`, a process of the container must find nothing of the host here. */
  close_others(first_own_fd, kept, count);
  /* A caller without privilege finds its container's namespaces only while it may look at us. */
  if (!launched_by_root) prctl(PR_SET_DUMPABLE, 1);
  pipe_fd = root_fd = parent_fd = -1;
  return 0;
}
