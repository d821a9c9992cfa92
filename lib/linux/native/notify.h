/* The service manager's notification socket, seen from both sides. */
#ifndef CATENA_NOTIFY_H
#define CATENA_NOTIFY_H

#include <stdbool.h>
#include <sys/types.h>

/* Takes one message from `fd` if there is one. When it says READY=, passes that and MAINPID=`pid`
 * on to the socket at `host` ("@" first: abstract). True when it was passed on. */
bool notify_forward(int fd, const char *host, pid_t pid);

#endif
