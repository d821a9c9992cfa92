/* rtnetlink: see the header. The kernel answers within the call that sends, so nothing waits. */
#include "netlink.h"

#include <linux/if.h>
#include <sys/socket.h>

/* Of one dump: 32 KB each. */
#define MAX_DATAGRAMS 1024

/* The errno in an answer, which the kernel negates: 0 for done. Anything else is no answer. */
static int errno_of(int error) { return error <= 0 && error >= -4095 ? -error : EBADMSG; }

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
  return whole && answer.head.nlmsg_type == NLMSG_ERROR ? errno_of(answer.error.error) : EBADMSG;
}

const void *netlink_part(const struct nlmsghdr *message, size_t length) {
  return message->nlmsg_len >= NLMSG_LENGTH(length) ? (const char *)message + NLMSG_HDRLEN : NULL;
}

const void *netlink_find(const struct nlmsghdr *message, size_t part, uint16_t type,
                         size_t *length) {
  const char *at = (const char *)message + NLMSG_HDRLEN + NLMSG_ALIGN(part);
  const char *end = (const char *)message + message->nlmsg_len;
  while (end - at >= (ptrdiff_t)sizeof(struct rtattr)) {
    struct rtattr attribute;
    memcpy(&attribute, at, sizeof attribute);
    size_t whole = attribute.rta_len;
    if (whole < sizeof attribute || (ptrdiff_t)whole > end - at) return NULL;
    if (attribute.rta_type == type) {
      *length = whole - RTA_LENGTH(0);
      return at + RTA_LENGTH(0);
    }
    at += RTA_ALIGN(whole);
  }
  return NULL;
}

/* The messages of one datagram; `last` when the dump ends with it. */
static int each_message(const char *at, const char *end,
                        int (*each)(const struct nlmsghdr *, int about), int about, bool *last) {
  while (end - at >= (ptrdiff_t)sizeof(struct nlmsghdr)) {
    const struct nlmsghdr *message = (const void *)at;
    if (message->nlmsg_len < sizeof *message || (ptrdiff_t)message->nlmsg_len > end - at)
      return EBADMSG;
    if (message->nlmsg_type == NLMSG_DONE) {
      *last = true;
      return 0;
    }
    if (message->nlmsg_type == NLMSG_ERROR) {
      const struct nlmsgerr *error = netlink_part(message, sizeof *error);
      return error != NULL && error->error != 0 ? errno_of(error->error) : EBADMSG;
    }
    int failed = each(message, about);
    if (failed != 0) return failed;
    at += NLMSG_ALIGN(message->nlmsg_len);
  }
  return 0;
}

int netlink_dump(int fd, uint16_t type, const void *part, size_t length,
                 int (*each)(const struct nlmsghdr *, int about), int about) {
  struct netlink_request request;
  netlink_begin(&request, type, NLM_F_DUMP, part, length);
  ssize_t size = (ssize_t)request.head.nlmsg_len;
  if (send(fd, &request, (size_t)size, 0) != size) return errno;
  static _Alignas(struct nlmsghdr) char answer[32768];
  bool last = false;
  for (int datagrams = 0; !last; datagrams++) {
    if (datagrams == MAX_DATAGRAMS) return E2BIG;
    ssize_t got;
    do got = recv(fd, answer, sizeof answer, MSG_TRUNC);
    while (got < 0 && errno == EINTR);
    if (got < 0) return errno;
    if ((size_t)got > sizeof answer) return EMSGSIZE;
    int failed = each_message(answer, answer + got, each, about, &last);
    if (failed != 0) return failed;
  }
  return 0;
}

int netlink_index(int fd, const char *name, int *index) {
  struct netlink_request request;
  struct ifinfomsg any = {.ifi_family = AF_UNSPEC};
  netlink_begin(&request, RTM_GETLINK, 0, &any, sizeof any);
  if (!netlink_add(&request, IFLA_IFNAME, name, strlen(name) + 1)) return EMSGSIZE;
  ssize_t size = (ssize_t)request.head.nlmsg_len;
  if (send(fd, &request, (size_t)size, 0) != size) return errno;
  /* What comes after the fixed part is cut off. */
  struct {
    struct nlmsghdr head;
    union {
      struct ifinfomsg link;
      struct nlmsgerr error;
    } part;
  } answer;
  ssize_t got;
  do got = recv(fd, &answer, sizeof answer, 0);
  while (got < 0 && errno == EINTR);
  if (got < 0) return errno;
  if ((size_t)got < NLMSG_LENGTH(sizeof answer.part.link)) return EBADMSG;
  if (answer.head.nlmsg_type == NLMSG_ERROR)
    return answer.part.error.error != 0 ? errno_of(answer.part.error.error) : EBADMSG;
  if (answer.head.nlmsg_type != RTM_NEWLINK) return EBADMSG;
  *index = answer.part.link.ifi_index;
  return 0;
}

int netlink_set_up(int fd, int index) {
  struct netlink_request request;
  struct ifinfomsg link = {
      .ifi_family = AF_UNSPEC,
      .ifi_index = index,
      .ifi_flags = IFF_UP,
      .ifi_change = IFF_UP,
  };
  netlink_begin(&request, RTM_NEWLINK, 0, &link, sizeof link);
  return netlink_do(fd, &request);
}
