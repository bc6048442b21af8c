/* Loaded into nginx by tests (SMARTIMG_PRELOAD): a clock that can be set, and a disk that is slow.
 *
 * The file that FAULTY_LIBC names has two numbers: seconds that the time of day is wrong by, and
 * milliseconds that each write to a file takes longer. It is read anew for each call, so a test
 * changes it while nginx runs. */
#undef _FILE_OFFSET_BITS /* both names of each function are defined here */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

static char path[512];

__attribute__((constructor)) static void begin(void) {
    const char *name = getenv("FAULTY_LIBC");
    snprintf(path, sizeof path, "%s", name != NULL ? name : "");
}

static void numbers(long *seconds, long *ms) {
    char text[64] = "";
    int fd = path[0] != '\0' ? open(path, O_RDONLY | O_CLOEXEC) : -1;
    *seconds = *ms = 0;
    if (fd >= 0) {
        ssize_t n = read(fd, text, sizeof text - 1);
        if (n > 0) {
            sscanf(text, "%ld %ld", seconds, ms);
        }
        close(fd);
    }
}

static long wrong_by(void) {
    long seconds, ms;
    numbers(&seconds, &ms);
    return seconds;
}

int clock_gettime(clockid_t clock, struct timespec *t) {
    int result = (int)syscall(SYS_clock_gettime, clock, t);
    if (result == 0 && (clock == CLOCK_REALTIME || clock == CLOCK_REALTIME_COARSE)) {
        t->tv_sec += wrong_by();
    }
    return result;
}

int gettimeofday(struct timeval *restrict t, void *restrict zone) {
    struct timespec now;
    (void)zone;
    int result = clock_gettime(CLOCK_REALTIME, &now);
    *t = (struct timeval){now.tv_sec, now.tv_nsec / 1000};
    return result;
}

time_t time(time_t *out) {
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    if (out != NULL) {
        *out = now.tv_sec;
    }
    return now.tv_sec;
}

static void wait_if_slow(int fd) {
    struct stat s;
    long seconds, ms;
    numbers(&seconds, &ms);
    if (ms > 0 && fstat(fd, &s) == 0 && S_ISREG(s.st_mode)) {
        usleep((useconds_t)ms * 1000);
    }
}

ssize_t pwrite(int fd, const void *data, size_t len, off_t at) {
    wait_if_slow(fd);
    return syscall(SYS_pwrite64, fd, data, len, at);
}

ssize_t pwrite64(int fd, const void *data, size_t len, off_t at) {
    return pwrite(fd, data, len, at);
}

ssize_t pwritev(int fd, const struct iovec *pieces, int count, off_t at) {
    wait_if_slow(fd);
    return syscall(SYS_pwritev, fd, pieces, (long)count, (long)at, 0L);
}

ssize_t pwritev64(int fd, const struct iovec *pieces, int count, off_t at) {
    return pwritev(fd, pieces, count, at);
}

ssize_t write(int fd, const void *data, size_t len) {
    wait_if_slow(fd);
    return syscall(SYS_write, fd, data, len);
}
