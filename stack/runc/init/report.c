/* The report page: what was started, what finished, and when. Stores only: no system calls. */
#include "init.h"

#include <time.h>

uint8_t *report;

uint64_t clock_ns(int clock) {
  struct timespec time;
  clock_gettime(clock, &time);
  return (uint64_t)time.tv_sec * 1000000000u + (uint64_t)time.tv_nsec;
}

void report_u32(size_t at, uint32_t value) { memcpy(report + at, &value, sizeof value); }

void report_u64(size_t at, uint64_t value) { memcpy(report + at, &value, sizeof value); }

void report_detail(const char *text) {
  size_t length = strnlen(text, REPORT_DETAIL_BYTES - 1);
  memcpy(report + REPORT_AT_DETAIL, text, length);
  report[REPORT_AT_DETAIL + length] = 0;
}

void report_begin_stage(uint32_t begun, size_t began_at) {
  stage = begun;
  report_u32(REPORT_AT_STAGE, begun);
  report_u64(began_at, clock_ns(CLOCK_MONOTONIC));
}
