/* Network interfaces: the loopback of a new namespace, and devices of the host's that are moved. */
#include <linux/if_addr.h>
#include <sched.h>
#include <sys/socket.h>

#include "init.h"
#include "netlink.h"

#define LOOPBACK_INDEX 1 /* the kernel makes it with the namespace */
/* Of one device: more would be a mistake, and are refused. */
#define MAX_ADDRESSES 64

struct address {
  uint8_t family, prefix, length;
  uint8_t bytes[16];
};

/* Those of the device under way. */
static struct address addresses[MAX_ADDRESSES];
static uint32_t address_count;

int op_loopback(struct args *args) {
  (void)args;
  int fd = netlink_open();
  if (fd < 0) return errno;
  int failed = netlink_set_up(fd, LOOPBACK_INDEX);
  close(fd);
  return failed;
}

/* Keeps an address of the device `index` that lasts and is no matter of its present link alone. */
static int keep_address(const struct nlmsghdr *message, int index) {
  if (message->nlmsg_type != RTM_NEWADDR) return 0;
  const struct ifaddrmsg *head = netlink_part(message, sizeof *head);
  if (head == NULL) return EBADMSG;
  bool lasting = (head->ifa_flags & IFA_F_PERMANENT) != 0;
  if ((int)head->ifa_index != index || !lasting || head->ifa_scope != RT_SCOPE_UNIVERSE) return 0;
  size_t length;
  /* Of a link between two ends the local one; elsewhere both are the same, or it is left out. */
  const void *bytes = netlink_find(message, sizeof *head, IFA_LOCAL, &length);
  if (bytes == NULL) bytes = netlink_find(message, sizeof *head, IFA_ADDRESS, &length);
  if (bytes == NULL || length > sizeof addresses[0].bytes) return 0;
  if (address_count == MAX_ADDRESSES) return E2BIG;
  struct address *to = &addresses[address_count++];
  to->family = head->ifa_family;
  to->prefix = head->ifa_prefixlen;
  to->length = (uint8_t)length;
  memcpy(to->bytes, bytes, length);
  return 0;
}

static int add_address(int fd, int index, const struct address *address) {
  struct netlink_request request;
  struct ifaddrmsg head = {
      .ifa_family = address->family,
      .ifa_prefixlen = address->prefix,
      .ifa_scope = RT_SCOPE_UNIVERSE,
      .ifa_index = (uint32_t)index,
  };
  netlink_begin(&request, RTM_NEWADDR, NLM_F_CREATE | NLM_F_EXCL, &head, sizeof head);
  if (!netlink_add(&request, IFA_LOCAL, address->bytes, address->length) ||
      !netlink_add(&request, IFA_ADDRESS, address->bytes, address->length))
    return EMSGSIZE;
  return netlink_do(fd, &request);
}

/* Into another namespace and under its new name at once, so that names there never collide. */
static int move_link(int fd, int index, const char *name, int netns) {
  struct netlink_request request;
  struct ifinfomsg link = {.ifi_family = AF_UNSPEC, .ifi_index = index};
  netlink_begin(&request, RTM_NEWLINK, 0, &link, sizeof link);
  if (!netlink_add(&request, IFLA_IFNAME, name, strlen(name) + 1) ||
      !netlink_add(&request, IFLA_NET_NS_FD, &netns, sizeof netns))
    return EMSGSIZE;
  return netlink_do(fd, &request);
}

static int step(const char *name, int failed) {
  if (failed != 0) report_detail(name);
  return failed;
}

/* The host's half: what the device is, and its way out. */
static int send_off(int fd, const char *name, const char *new_name, int netns) {
  int index = 0, failed = netlink_index(fd, name, &index);
  if (failed != 0) return step("link not found for interface % on runtime namespace", failed);
  address_count = 0;
  struct ifaddrmsg all = {.ifa_family = AF_UNSPEC};
  failed = netlink_dump(fd, RTM_GETADDR, &all, sizeof all, keep_address, index);
  if (failed != 0) return step("fail to get ip addresses", failed);
  /* Refused, it stays up and keeps its addresses: the kernel takes it down when it can be moved. */
  failed = move_link(fd, index, new_name, netns);
  return step("fail to move network device % to network namespace &", failed);
}

/* The container's half. */
static int settle(int fd, const char *new_name) {
  int index = 0, failed = netlink_index(fd, new_name, &index);
  if (failed != 0) return step("link not found for interface % on namespace &", failed);
  for (uint32_t i = 0; i < address_count && failed == 0; i++) {
    failed = add_address(fd, index, &addresses[i]);
    if (failed == EEXIST) failed = 0; /* it was there all along, or the joined one's own */
  }
  if (failed != 0) return step("fail to set up an address on namespace &", failed);
  return step("fail to set up interface % on namespace &", netlink_set_up(fd, index));
}

/* A socket in another namespace than ours, to which we come back. */
static int open_there(int netns, int *out) {
  int own = open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC);
  if (own < 0) return errno;
  int failed = setns(netns, CLONE_NEWNET) == 0 ? 0 : errno;
  if (failed == 0) {
    *out = netlink_open();
    if (*out < 0) failed = errno;
    if (setns(own, CLONE_NEWNET) < 0 && failed == 0) failed = errno;
  }
  close(own);
  return failed;
}

int op_net_device(struct args *args) {
  const char *name = arg_text(args), *new_name = arg_text(args);
  if (args->bad) return EBADMSG;
  int there = -1, here = netlink_open(), netns = open_process_file("ns/net", O_RDONLY);
  int failed = here < 0 || netns < 0 ? errno : open_there(netns, &there);
  if (failed != 0) step("could not get network namespace handle", failed);
  if (failed == 0) failed = send_off(here, name, new_name, netns);
  if (failed == 0) failed = settle(there, new_name);
  if (there >= 0) close(there);
  if (here >= 0) close(here);
  if (netns >= 0) close(netns);
  return failed;
}
