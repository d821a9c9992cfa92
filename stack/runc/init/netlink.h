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
/* The fixed part of a message; NULL when it is shorter. */
const void *netlink_part(const struct nlmsghdr *message, size_t length);
/* An attribute after a fixed part of `part` bytes; NULL without it. */
const void *netlink_find(const struct nlmsghdr *message, size_t part, uint16_t type,
                         size_t *length);
/* Asks for everything of a kind, and calls `each` for every message with `about`. Stops at the
 * first that returns an errno, which it returns. */
int netlink_dump(int fd, uint16_t type, const void *part, size_t length,
                 int (*each)(const struct nlmsghdr *, int about), int about);
/* The index of the interface with this name: 0, or an errno. */
int netlink_index(int fd, const char *name, int *index);
/* Brings an interface up: 0, or an errno. */
int netlink_set_up(int fd, int index);

#endif
