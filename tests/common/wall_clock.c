/* Preloaded into a server or a candidate of a test: its wall clock is off by what the file named in TEST_WALL_CLOCK
 * holds, microseconds in 8 bytes, and follows as the file changes. The kernel's other clocks are left alone. The
 * kernel is asked directly, because the usual way to ask it is what this replaces. */
#define _GNU_SOURCE
#include <fcntl.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

static const volatile int64_t *offset_us;

__attribute__((constructor)) static void find_offset(void)
{
    const char *path = getenv("TEST_WALL_CLOCK");
    int file = path ? open(path, O_RDONLY | O_CLOEXEC) : -1;
    if (file < 0)
        abort();
    void *mapped = mmap(NULL, sizeof *offset_us, PROT_READ, MAP_SHARED, file, 0);
    close(file);
    if (mapped == MAP_FAILED)
        abort();
    offset_us = mapped;
}

int clock_gettime(clockid_t clock, struct timespec *read)
{
    long failed = syscall(SYS_clock_gettime, clock, read);
    if (failed || !offset_us || (clock != CLOCK_REALTIME && clock != CLOCK_REALTIME_COARSE))
        return failed ? -1 : 0;
    int64_t ns = read->tv_nsec + *offset_us % 1000000 * 1000;
    read->tv_sec += *offset_us / 1000000;
    if (ns < 0 || ns >= 1000000000) {
        read->tv_sec += ns < 0 ? -1 : 1;
        ns += ns < 0 ? 1000000000 : -1000000000;
    }
    read->tv_nsec = ns;
    return 0;
}

int gettimeofday(struct timeval *read, void *zone)
{
    struct timespec now;
    (void)zone;
    if (clock_gettime(CLOCK_REALTIME, &now))
        return -1;
    read->tv_sec = now.tv_sec;
    read->tv_usec = now.tv_nsec / 1000;
    return 0;
}

time_t time(time_t *read)
{
    struct timespec now;
    if (clock_gettime(CLOCK_REALTIME, &now))
        return (time_t)-1;
    if (read)
        *read = now.tv_sec;
    return now.tv_sec;
}
