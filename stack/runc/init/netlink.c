/* rtnetlink: see the header. The kernel answers within the call that sends, so nothing waits. */
#include "netlink.h"

#include <linux/if.h>
#include <sys/socket.h>

int netlink_open(void) { return socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE); }

void netlink_begin(struct netlink_request *request, uint16_t type, uint16_t flags, const void *part,
                   size_t length) {
  memset(request, 0, sizeof *request);
  request->head.nlmsg_len = (uint32_t)NLMSG_LENGTH(length);
  request->head.nlmsg_type = type;
  request->head.nlmsg_flags = NLM_F_REQUEST | flags;
  memcpy(request->body, part, length);
}

bool netlink_add(struct netlink_request *request, uint16_t type, const void *value, size_t length) {
  size_t at = NLMSG_ALIGN(request->head.nlmsg_len);
  if (length > sizeof *request || at + RTA_SPACE(length) > sizeof *request) return false;
  struct rtattr attribute = {.rta_len = (uint16_t)RTA_LENGTH(length), .rta_type = type};
  char *to = (char *)request + at;
  memcpy(to, &attribute, sizeof attribute);
  memcpy(to + RTA_LENGTH(0), value, length);
  request->head.nlmsg_len = (uint32_t)(at + RTA_LENGTH(length));
  return true;
}

int netlink_do(int fd, struct netlink_request *request) {
  request->head.nlmsg_flags |= NLM_F_ACK;
  ssize_t length = (ssize_t)request->head.nlmsg_len;
  if (send(fd, request, (size_t)length, 0) != length) return errno;
  struct {
    struct nlmsghdr head;
    struct nlmsgerr error;
    char rest[512];
  } answer;
  ssize_t got;
  do got = recv(fd, &answer, sizeof answer, 0);
  while (got < 0 && errno == EINTR);
  if (got < 0) return errno;
  bool whole = (size_t)got >= sizeof answer.head + sizeof answer.error.error;
  return whole && answer.head.nlmsg_type == NLMSG_ERROR ? -answer.error.error : EBADMSG;
}

int netlink_set_up(int fd, int index, bool up) {
  struct netlink_request request;
  struct ifinfomsg link = {
      .ifi_family = AF_UNSPEC,
      .ifi_index = index,
      .ifi_flags = up ? IFF_UP : 0,
      .ifi_change = IFF_UP,
  };
  netlink_begin(&request, RTM_NEWLINK, 0, &link, sizeof link);
  return netlink_do(fd, &request);
}
