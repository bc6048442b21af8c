/* A line between two network namespaces, as slow as told: packets from one TUN device go to the
 * other after a queue that empties at a rate, and a delay; some are lost. What tc(8) does with
 * netem, for kernels without it.
 *
 *   relay NAMESPACE ADDRESS/BITS NAMESPACE ADDRESS/BITS KBITS DELAY_MS LOSS_PERMILLE
 *
 * Makes a device "line" in each namespace (ip netns), with the address; prints "ready", and runs
 * until stdin ends. Each direction has the rate, half of the delay, and the loss, which is drawn
 * from a fixed seed. Of packets that do not fit into 200 ms of the queue (20 packets at least) the
 * last are lost, as by a router. */
#include <errno.h>
#include <fcntl.h>
#include <linux/if.h>
#include <linux/if_tun.h>
#include <poll.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <time.h>
#include <unistd.h>

enum { PACKET_MAX = 2048, QUEUE_MAX = 4096, QUEUE_MS = 200, QUEUE_MIN = 20, MTU = 1500 };

typedef struct packet {
    int64_t leave_ns; /* at the other end */
    int len;
    uint8_t data[PACKET_MAX];
} packet;

/* One direction. */
typedef struct way {
    int from, to;        /* TUN devices */
    int64_t free_ns;     /* when the sender of the line is done with what it has */
    packet *packets;     /* a ring */
    unsigned head, tail; /* taken, put */
} way;

static double kbits;
static int64_t delay_ns;
static unsigned loss; /* of 1000 */
static int64_t queue_ns;
static uint64_t seed = 88172645463325252u;

static void set_line(double rate, double delay_ms, unsigned permille) {
    kbits = rate;
    delay_ns = (int64_t)(delay_ms / 2 * 1e6);
    loss = permille;
    queue_ns = QUEUE_MS * INT64_C(1000000);
    int64_t least = (int64_t)(QUEUE_MIN * MTU * 8e6 / kbits);
    queue_ns = queue_ns > least ? queue_ns : least;
}

/* False at the end of stdin. */
static bool read_orders(void) {
    char text[100];
    double rate, delay;
    unsigned permille;
    ssize_t n = read(STDIN_FILENO, text, sizeof text - 1);
    if (n <= 0) {
        return false;
    }
    text[n] = '\0';
    if (sscanf(text, "%lf %lf %u", &rate, &delay, &permille) == 3) {
        set_line(rate, delay, permille);
    }
    return true;
}

/* Packets that were handed on, and those of them later than the line would have: a machine that has
 * too much to do makes another line of it. */
static long given, late;
static const int64_t LATE_NS = 10000000;

static int64_t now_ns(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec * INT64_C(1000000000) + t.tv_nsec;
}

static bool is_lost(void) {
    seed ^= seed << 13;
    seed ^= seed >> 7;
    seed ^= seed << 17;
    return seed % 1000 < loss;
}

static void run(const char *command) {
    if (system(command) != 0) {
        fprintf(stderr, "relay: failed: %s\n", command);
        exit(1);
    }
}

static int make_device(const char *namespace, const char *address, int number) {
    struct ifreq request = {.ifr_flags = IFF_TUN | IFF_NO_PI};
    char command[512];
    int fd = open("/dev/net/tun", O_RDWR | O_NONBLOCK | O_CLOEXEC);
    snprintf(request.ifr_name, sizeof request.ifr_name, "si%d-%d", (int)getpid(), number);
    if (fd < 0 || ioctl(fd, TUNSETIFF, &request) != 0) {
        perror("relay: /dev/net/tun");
        exit(1);
    }
    snprintf(command, sizeof command, "ip link set %s netns %s name line mtu %d txqueuelen 1000",
        request.ifr_name, namespace, MTU);
    run(command);
    snprintf(command, sizeof command,
        "ip -n %s addr add %s dev line && ip -n %s link set line up && ip -n %s link set lo up",
        namespace, address, namespace, namespace);
    run(command);
    return fd;
}

/* Takes in what has been sent. */
static void take(way *w) {
    for (;;) {
        packet *p = &w->packets[w->tail % QUEUE_MAX];
        int len = (int)read(w->from, p->data, sizeof p->data);
        if (len <= 0) {
            return;
        }
        int64_t now = now_ns(), start = w->free_ns > now ? w->free_ns : now;
        if (start - now > queue_ns || w->tail - w->head == QUEUE_MAX) {
            continue; /* the queue is full */
        }
        w->free_ns = start + (int64_t)(len * 8e6 / kbits);
        if (is_lost()) {
            continue; /* on the line, so that it took its time */
        }
        p->leave_ns = w->free_ns + delay_ns;
        p->len = len;
        w->tail++;
    }
}

/* Hands on what has come through. */
static void give(way *w) {
    int64_t now;
    while (w->head != w->tail && w->packets[w->head % QUEUE_MAX].leave_ns <= (now = now_ns())) {
        given++;
        late += now - w->packets[w->head % QUEUE_MAX].leave_ns > LATE_NS;
        const packet *p = &w->packets[w->head++ % QUEUE_MAX];
        if (write(w->to, p->data, (size_t)p->len) < 0 && errno != EAGAIN && errno != EIO) {
            perror("relay: write");
        }
    }
}

static void wait_for_packets(struct pollfd *polled, const way *ways) {
    int64_t until = INT64_MAX;
    for (int i = 0; i < 2; i++) {
        if (ways[i].head != ways[i].tail) {
            int64_t leave = ways[i].packets[ways[i].head % QUEUE_MAX].leave_ns;
            until = leave < until ? leave : until;
        }
    }
    int64_t wait = until == INT64_MAX ? INT64_C(1000000000) : until - now_ns();
    wait = wait > 0 ? wait : 0;
    struct timespec t = {wait / 1000000000, wait % 1000000000};
    ppoll(polled, 3, &t, NULL);
}

int main(int argc, char **argv) {
    way ways[2] = {0};
    if (argc != 8) {
        fprintf(stderr, "usage: relay NAMESPACE ADDRESS/BITS NAMESPACE ADDRESS/BITS KBITS DELAY_MS "
                        "LOSS_PERMILLE\n");
        return 2;
    }
    set_line(atof(argv[5]), atof(argv[6]), (unsigned)atoi(argv[7]));
    int a = make_device(argv[1], argv[2], 0), b = make_device(argv[3], argv[4], 1);
    for (int i = 0; i < 2; i++) {
        ways[i] = (way){i ? b : a, i ? a : b, 0, calloc(QUEUE_MAX, sizeof(packet)), 0, 0};
        if (ways[i].packets == NULL) {
            return 1;
        }
    }
    puts("ready");
    fflush(stdout);
    struct pollfd polled[3] = {{a, POLLIN, 0}, {b, POLLIN, 0}, {STDIN_FILENO, POLLIN, 0}};
    while (!polled[2].revents || read_orders()) {
        for (int i = 0; i < 2; i++) {
            take(&ways[i]);
            give(&ways[i]);
        }
        wait_for_packets(polled, ways);
    }
    printf("%ld of %ld late\n", late, given);
    return 0;
}
