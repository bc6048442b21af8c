/* Loaded into the processes of a server by tests: a clock that can be set, a disk that is slow, and
 * one that fails.
 *
 * The file that FAULTY_LIBC names, of SIZE bytes that are overwritten in place, has
 *
 *   seconds that the time of day is wrong by,
 *   milliseconds that each write to a file takes longer,
 *   an error number, "open" or "read", and how the name of a process begins: what is opened below a
 * folder, or read from a file, fails there
 *
 * It is mapped, so that processes see it change whatever else they are shut off from. */
#undef _FILE_OFFSET_BITS /* both names of each function are defined here */
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

enum { SIZE = 80, TAIL = 65536 };

typedef struct numbers {
    long seconds, ms;
    int error;
    char what[8], process[16];
} numbers;

static const char *mapped;

__attribute__((constructor)) static void begin(void) {
    const char *name = getenv("FAULTY_LIBC");
    int fd = name != NULL ? (int)syscall(SYS_openat, AT_FDCWD, name, O_RDONLY | O_CLOEXEC) : -1;
    if (fd >= 0) {
        void *at = mmap(NULL, SIZE, PROT_READ, MAP_SHARED, fd, 0);
        mapped = at != MAP_FAILED ? at : NULL;
        close(fd);
    }
}

static numbers now(void) {
    numbers n = {0};
    char text[SIZE + 1] = "";
    if (mapped != NULL) {
        memcpy(text, mapped, SIZE);
        sscanf(text, "%ld %ld %d %7s %15s", &n.seconds, &n.ms, &n.error, n.what, n.process);
    }
    return n;
}

/* True with errno set if what this process does now is to fail. */
static bool fails(const char *what) {
    char name[16] = "";
    numbers n = now();
    if (n.error == 0 || strcmp(n.what, what) != 0) {
        return false;
    }
    if (prctl(PR_GET_NAME, name) != 0) { /* who may not ask is in the sandbox */
        snprintf(name, sizeof name, "smartimg-render");
    }
    errno = n.error;
    return strncmp(name, n.process, strlen(n.process)) == 0;
}

static bool is_file(int fd) {
    struct stat s;
    return fstat(fd, &s) == 0 && S_ISREG(s.st_mode);
}

static long wrong_by(void) {
    return now().seconds;
}

int clock_gettime(clockid_t clock, struct timespec *t) {
    int result = (int)syscall(SYS_clock_gettime, clock, t);
    if (result == 0 && (clock == CLOCK_REALTIME || clock == CLOCK_REALTIME_COARSE)) {
        t->tv_sec += wrong_by();
    }
    return result;
}

int gettimeofday(struct timeval *restrict t, void *restrict zone) {
    struct timespec at;
    (void)zone;
    int result = clock_gettime(CLOCK_REALTIME, &at);
    *t = (struct timeval){at.tv_sec, at.tv_nsec / 1000};
    return result;
}

time_t time(time_t *out) {
    struct timespec at;
    clock_gettime(CLOCK_REALTIME, &at);
    if (out != NULL) {
        *out = at.tv_sec;
    }
    return at.tv_sec;
}

static void wait_if_slow(int fd) {
    long ms = now().ms;
    if (ms > 0 && is_file(fd)) {
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

static bool read_fails(int fd, off_t at) {
    return is_file(fd) && (fails("read") || (at >= TAIL && fails("tail")));
}

ssize_t read(int fd, void *data, size_t len) {
    return read_fails(fd, lseek(fd, 0, SEEK_CUR)) ? -1 : syscall(SYS_read, fd, data, len);
}

ssize_t pread(int fd, void *data, size_t len, off_t at) {
    return read_fails(fd, at) ? -1 : syscall(SYS_pread64, fd, data, len, at);
}

ssize_t pread64(int fd, void *data, size_t len, off_t at) {
    return pread(fd, data, len, at);
}

/* As fortified code calls them. */
ssize_t __read_chk(int fd, void *data, size_t len, size_t room);
ssize_t __pread_chk(int fd, void *data, size_t len, off_t at, size_t room);
ssize_t __pread64_chk(int fd, void *data, size_t len, off_t at, size_t room);

ssize_t __read_chk(int fd, void *data, size_t len, size_t room) {
    return len > room ? -1 : read(fd, data, len);
}

ssize_t __pread_chk(int fd, void *data, size_t len, off_t at, size_t room) {
    return len > room ? -1 : pread(fd, data, len, at);
}

ssize_t __pread64_chk(int fd, void *data, size_t len, off_t at, size_t room) {
    return len > room ? -1 : pread(fd, data, len, at);
}

/* By which openat2(2) is called. */
long syscall(long number, ...) {
    static long (*real)(long, ...);
    long a[6];
    va_list args;
    va_start(args, number);
    for (int i = 0; i < 6; i++) {
        a[i] = va_arg(args, long);
    }
    va_end(args);
    if (number == SYS_openat2 && fails("open")) {
        return -1;
    }
    if (real == NULL) {
        *(void **)&real = dlsym(RTLD_NEXT, "syscall");
    }
    return real(number, a[0], a[1], a[2], a[3], a[4], a[5]);
}
