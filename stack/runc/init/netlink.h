/* rtnetlink: requests, each answered by an errno, and dumps. No allocation. */
#ifndef CATENA_NETLINK_H
#define CATENA_NETLINK_H

#include <linux/rtnetlink.h>

#include "init.h"

/* One request; room for the largest that we make: an interface with its name and namespace. */
struct netlink_request {
  struct nlmsghdr head;
  char body[256];
};

/* A socket in the network namespace that we are in; -1 with errno. */
int netlink_open(void);
/* Begins a request whose fixed part is `part`. */
void netlink_begin(struct netlink_request *request, uint16_t type, uint16_t flags, const void *part,
                   size_t length);
/* Adds an attribute; false when it does not fit. */
bool netlink_add(struct netlink_request *request, uint16_t type, const void *value, size_t length);
/* Sends a request and waits for the kernel's answer: 0, or an errno. */
int netlink_do(int fd, struct netlink_request *request);
/* Brings an interface up or down: 0, or an errno. */
int netlink_set_up(int fd, int index, bool up);

#endif
