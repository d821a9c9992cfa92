/* A program with a thread leak: starts as many threads as it is told, or as it can, and waits. With
 * a second number it pauses for so many milliseconds between two of them. */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* More than any limit of the demo, and little memory each. */
#define MAX_THREADS 4096
#define STACK_BYTES (64 * 1024)

__attribute__((noreturn)) static void *wait_for_ever(void *unused) {
  (void)unused;
  for (;;) pause();
}

int main(int argc, char **argv) {
  int wanted = argc > 1 ? atoi(argv[1]) : MAX_THREADS;
  int pause_ms = argc > 2 ? atoi(argv[2]) : 0;
  if (wanted > MAX_THREADS) wanted = MAX_THREADS;
  pthread_attr_t attributes;
  pthread_attr_init(&attributes);
  pthread_attr_setstacksize(&attributes, STACK_BYTES);
  /* The program itself is the first thread. */
  for (int started = 1; started < wanted; started++) {
    pthread_t thread;
    if (pause_ms > 0) usleep((useconds_t)pause_ms * 1000);
    int failed = pthread_create(&thread, &attributes, wait_for_ever, NULL);
    if (failed != 0) {
      printf("after %d threads: %s\n", started, strerror(failed));
      break;
    }
  }
  printf("leaked\n");
  fflush(stdout);
  for (;;) pause();
}
