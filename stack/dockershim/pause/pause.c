// The process of a pod sandbox: it holds the pod's namespaces open and, where containers share its
// pid namespace, is their pid 1 and reaps what they leave behind. Ends at SIGTERM and SIGINT.
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

int main(void) {
  sigset_t waited;
  sigemptyset(&waited);
  sigaddset(&waited, SIGCHLD);
  sigaddset(&waited, SIGTERM);
  sigaddset(&waited, SIGINT);
  // Blocked and waited for, so that none is lost between two looks.
  if (sigprocmask(SIG_BLOCK, &waited, NULL) != 0) return 1;
  for (;;) {
    int taken = 0;
    if (sigwait(&waited, &taken) != 0) return 2;
    if (taken != SIGCHLD) return 0;
    while (waitpid(-1, NULL, WNOHANG) > 0) {
    }
  }
}
