/* How good a line is, by readings of a connection: what proves what, and when a class changes. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <arpa/inet.h>
#include <sys/socket.h>
#include <unistd.h>
#include <cmocka.h>

#include "client/line.h"

enum { KBIT = 125, GOOD = 4000, POOR = 700 }; /* kbit/s */

static const si_network_limits classes = {
    .of = {[SI_NETWORK_GOOD] = {4, 300}, [SI_NETWORK_POOR] = {0.7, 1000}}};

/* A reading of a line that carries so much, as it shows once the line holds the sender back. */
static si_line_facts full(uint32_t kbits, uint32_t rtt_ms) {
    return (si_line_facts){.acked = 100000,
        .rate = (uint64_t)kbits * KBIT,
        .pacing_rate = (uint64_t)kbits * KBIT * 6 / 5,
        .window = 20,
        .threshold = 20,
        .rtt = rtt_ms * 1000,
        .rtt_var = rtt_ms * 100,
        .min_rtt = rtt_ms * 900,
        .segments = 70};
}

/* The same, of a sender that is just speeding up. */
static si_line_facts speeding_up(uint32_t kbits, uint32_t rtt_ms) {
    si_line_facts f = full(kbits, rtt_ms);
    f.threshold = UINT32_MAX;
    f.pacing_rate = (uint64_t)kbits * KBIT * 4;
    return f;
}

static si_network read_with(si_line *line, si_line_facts f, si_line_others others) {
    static unsigned sample;
    f.rate += ++sample % 7; /* no two are the same */
    f.acked = line->acked + 100000;
    f.segments = line->segments + 70;
    f.resent += line->resent;
    assert_true(si_line_judge(line, &f, &others, &classes, &si_line_limits_initial));
    return line->network;
}

static si_network take(si_line *line, si_line_facts f) {
    return read_with(line, f, (si_line_others){0});
}

static si_network first(si_line_facts f) {
    si_line line = {0};
    return take(&line, f);
}

/* The kernel tells its last sample of a full line again while there is less to send. */
static void test_old_sample(void **state) {
    (void)state;
    si_line line = {0};
    si_line_others others = {0};
    take(&line, full(1600, 100));
    si_line_facts f = full(100, 100);
    for (int i = 0; i < 20; i++) {
        f.acked = line.acked + 100000;
        assert_true(si_line_judge(&line, &f, &others, &classes, &si_line_limits_initial));
        assert_int_equal(line.network, SI_NETWORK_GOOD);
    }
}

/* The class after three equal readings. */
static si_network third(si_line_facts f) {
    si_line line = {0};
    take(&line, f);
    take(&line, f);
    return take(&line, f);
}

static void test_rates(void **state) {
    (void)state;
    assert_int_equal(first(full(20000, 20)), SI_NETWORK_EXCELLENT);
    assert_int_equal(first(full(GOOD, 20)), SI_NETWORK_EXCELLENT);
    assert_int_equal(third(full(GOOD - 1, 20)), SI_NETWORK_GOOD);
    assert_int_equal(first(full(1600, 150)), SI_NETWORK_GOOD);
    assert_int_equal(first(full(POOR, 20)), SI_NETWORK_GOOD);
    assert_int_equal(first(full(POOR - 1, 20)), SI_NETWORK_GOOD); /* not yet clear */
    assert_int_equal(first(full(GOOD - 1, 20)), SI_NETWORK_UNKNOWN);
    assert_int_equal(first(full(400, 400)), SI_NETWORK_POOR);
}

/* What there was to send says nothing of what the line can carry, unless it was much. */
static void test_application_limited(void **state) {
    (void)state;
    si_line_facts f = full(100, 20);
    f.app_limited = true;
    assert_int_equal(first(f), SI_NETWORK_UNKNOWN);
    f.rate = 3000 * KBIT;
    assert_int_equal(first(f), SI_NETWORK_UNKNOWN);
    f.rate = 5000 * KBIT;
    assert_int_equal(first(f), SI_NETWORK_EXCELLENT);
}

/* A sender that doubles its window each round trip is slow for that reason alone, unless packets
 * queue. */
static void test_speeding_up(void **state) {
    (void)state;
    assert_int_equal(first(speeding_up(400, 60)), SI_NETWORK_UNKNOWN);
    assert_int_equal(first(speeding_up(5000, 60)), SI_NETWORK_EXCELLENT);
    si_line_facts f = speeding_up(400, 60);
    f.min_rtt = 30000;
    assert_int_equal(first(f), SI_NETWORK_POOR);
    f.rtt_var = 25000; /* it may as well vary */
    assert_int_equal(first(f), SI_NETWORK_UNKNOWN);
    f = speeding_up(400, 60);
    f.pacing_rate = f.rate; /* BBR, once it knows the line */
    assert_int_equal(first(f), SI_NETWORK_POOR);
    f.pacing_rate = UINT64_MAX;
    f.threshold = f.window; /* CUBIC and Reno, after the first loss */
    assert_int_equal(first(f), SI_NETWORK_POOR);
}

/* The average since the last reading counts if it is higher than the kernel's last samples. */
static void test_average(void **state) {
    (void)state;
    si_line_facts f = full(100, 20);
    f.busy = 400000; /* 100,000 bytes: 2 Mbit/s */
    si_line line = {0};
    assert_int_equal(take(&line, f), SI_NETWORK_GOOD);
    assert_int_equal(line.rate, 2000);
    f.busy = 500000;
    assert_int_equal(take(&line, f), SI_NETWORK_EXCELLENT);
    assert_int_equal(line.rate, 8000);
}

/* Connections of a client share its line. */
static void test_others(void **state) {
    (void)state;
    si_line line = {0};
    assert_int_equal(
        read_with(&line, full(800, 20), (si_line_others){3500, 0}), SI_NETWORK_EXCELLENT);
    line = (si_line){0};
    assert_int_equal(read_with(&line, full(200, 20), (si_line_others){250, 0}), SI_NETWORK_POOR);
    line = (si_line){0}; /* five that may carry as much each: at least good */
    assert_int_equal(read_with(&line, full(300, 20), (si_line_others){0, 5}), SI_NETWORK_GOOD);
    line = (si_line){0}; /* and here nobody can tell */
    assert_int_equal(read_with(&line, full(1000, 20), (si_line_others){0, 5}), SI_NETWORK_UNKNOWN);
}

static void test_round_trips(void **state) {
    (void)state;
    assert_int_equal(first(full(20000, 550)), SI_NETWORK_GOOD);
    assert_int_equal(first(full(20000, 2000)), SI_NETWORK_POOR);
    si_line_facts f = full(20000, 400);
    f.min_rtt = 50000, f.rtt_var = 200000; /* it varies: 200 to 600 ms */
    assert_int_equal(first(f), SI_NETWORK_UNKNOWN);
    f = speeding_up(100, 400); /* the rate proves nothing, the round trip does */
    assert_int_equal(third(f), SI_NETWORK_GOOD);
}

static void test_loss(void **state) {
    (void)state;
    si_line line = {0};
    si_line_facts f = full(20000, 20);
    f.resent = 35; /* of 70 segments, too few to tell */
    assert_int_equal(take(&line, f), SI_NETWORK_EXCELLENT);
    take(&line, f);
    assert_int_equal(take(&line, f), SI_NETWORK_POOR);
    line = (si_line){0};
    f.resent = 14;
    for (int i = 0; i < 3; i++) {
        take(&line, f);
    }
    assert_int_equal(line.network, SI_NETWORK_GOOD);
    f.resent = 0; /* it fades */
    for (int i = 0; i < 10; i++) {
        take(&line, f);
    }
    assert_int_equal(line.network, SI_NETWORK_EXCELLENT);
}

static void test_enough(void **state) {
    (void)state;
    si_line line = {0};
    si_line_others others = {0};
    si_line_facts f = full(400, 400);
    f.acked = (uint64_t)si_line_limits_initial.bytes - 1;
    assert_false(si_line_judge(&line, &f, &others, &classes, &si_line_limits_initial));
    assert_int_equal(line.network, SI_NETWORK_UNKNOWN);
    f.acked++;
    assert_true(si_line_judge(&line, &f, &others, &classes, &si_line_limits_initial));
    assert_int_equal(line.network, SI_NETWORK_POOR);
    f = full(20000, 20);
    f.acked = (uint64_t)si_line_limits_initial.bytes + 100; /* nothing new */
    assert_false(si_line_judge(&line, &f, &others, &classes, &si_line_limits_initial));
    assert_int_equal(line.network, SI_NETWORK_POOR);
}

/* Near a limit a class changes only after three readings that agree, in either direction. */
static void test_hysteresis(void **state) {
    (void)state;
    si_line line = {0};
    assert_int_equal(take(&line, full(6000, 20)), SI_NETWORK_EXCELLENT);
    for (int i = 0; i < 20; i++) { /* to and fro */
        assert_int_equal(take(&line, full(GOOD - 100, 20)), SI_NETWORK_EXCELLENT);
        assert_int_equal(take(&line, full(GOOD - 100, 20)), SI_NETWORK_EXCELLENT);
        assert_int_equal(take(&line, full(GOOD + 100, 20)), SI_NETWORK_EXCELLENT);
    }
    take(&line, full(GOOD - 100, 20));
    take(&line, full(GOOD - 100, 20));
    assert_int_equal(take(&line, full(GOOD - 100, 20)), SI_NETWORK_GOOD);
    take(&line, full(GOOD + 100, 20));
    take(&line, full(GOOD + 100, 20));
    assert_int_equal(take(&line, full(GOOD + 100, 20)), SI_NETWORK_EXCELLENT);
}

/* What is far beyond a limit counts at once if it is better, and needs a few readings if it is
 * worse. */
static void test_clear(void **state) {
    (void)state;
    si_line line = {0};
    take(&line, full(20000, 20));
    assert_int_equal(take(&line, full(400, 20)), SI_NETWORK_EXCELLENT);
    assert_int_equal(take(&line, full(20000, 20)), SI_NETWORK_EXCELLENT);
    int readings = 0;
    for (si_network before = line.network; before != SI_NETWORK_POOR && readings < 100;
         readings++) {
        si_network now = take(&line, full(400, 20));
        assert_true(now >= before);
        before = now;
    }
    assert_in_range(readings, 3, 8);
    assert_int_equal(take(&line, full(20000, 20)), SI_NETWORK_EXCELLENT);
}

/* After a loss samples are low for a while. */
static void test_dip(void **state) {
    (void)state;
    si_line line = {0};
    take(&line, full(1600, 100));
    for (int i = 0; i < 20; i++) {
        assert_int_equal(take(&line, full(1600, 100)), SI_NETWORK_GOOD);
        assert_int_equal(take(&line, full(50, 100)), SI_NETWORK_GOOD);
        assert_int_equal(take(&line, full(50, 100)), SI_NETWORK_GOOD);
    }
}

/* What proves nothing changes nothing. */
static void test_unproven(void **state) {
    (void)state;
    si_line line = {0};
    take(&line, full(400, 20));
    si_line_facts f = full(100, 20);
    f.app_limited = true;
    for (int i = 0; i < 10; i++) {
        assert_int_equal(take(&line, f), SI_NETWORK_POOR);
    }
    take(&line, full(20000, 20));
    for (int i = 0; i < 10; i++) {
        assert_int_equal(take(&line, f), SI_NETWORK_EXCELLENT);
    }
}

static void test_limits(void **state) {
    (void)state;
    si_line_limits l = si_line_limits_initial;
    assert_true(si_line_set_limit(&l, SI_STR("bytes"), SI_STR("8000")));
    assert_int_equal(l.bytes, 8000);
    assert_true(si_line_set_limit(&l, SI_STR("memory-seconds"), SI_STR("0")));
    assert_int_equal(l.memory, 0);
    assert_false(si_line_set_limit(&l, SI_STR("good-loss"), SI_STR("0")));
    assert_false(si_line_set_limit(&l, SI_STR("bytes"), SI_STR("")));
    assert_false(si_line_set_limit(&l, SI_STR("good-loss"), SI_STR("101")));
    assert_false(si_line_set_limit(&l, SI_STR("good"), SI_STR("1")));
    assert_int_equal(l.bytes, 8000);
}

/* Of a real connection, and of what is none. */
static void test_read(void **state) {
    (void)state;
    si_line_facts f;
    struct sockaddr_in a = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t len = sizeof a;
    int listener = socket(AF_INET, SOCK_STREAM, 0), client = socket(AF_INET, SOCK_STREAM, 0);
    assert_int_equal(bind(listener, (struct sockaddr *)&a, len), 0);
    assert_int_equal(getsockname(listener, (struct sockaddr *)&a, &len), 0);
    assert_int_equal(listen(listener, 1), 0);
    assert_int_equal(connect(client, (struct sockaddr *)&a, len), 0);
    int server = accept(listener, NULL, NULL);
    static char bytes[50000];
    assert_int_equal(send(server, bytes, sizeof bytes, 0), sizeof bytes);
    assert_int_equal(recv(client, bytes, sizeof bytes, MSG_WAITALL), sizeof bytes);
    do {
        assert_true(si_line_read(server, &f));
    } while (f.acked < sizeof bytes);
    assert_int_equal(f.acked, sizeof bytes);
    assert_true(f.rtt > 0 && f.rtt < 60000000);
    assert_true(f.segments > 0 && f.window > 0);
    close(client), close(server), close(listener);
    int pair[2];
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
    assert_false(si_line_read(pair[0], &f));
    assert_false(si_line_read(-1, &f));
    close(pair[0]), close(pair[1]);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_rates),
        cmocka_unit_test(test_application_limited),
        cmocka_unit_test(test_speeding_up),
        cmocka_unit_test(test_average),
        cmocka_unit_test(test_others),
        cmocka_unit_test(test_round_trips),
        cmocka_unit_test(test_loss),
        cmocka_unit_test(test_enough),
        cmocka_unit_test(test_hysteresis),
        cmocka_unit_test(test_clear),
        cmocka_unit_test(test_dip),
        cmocka_unit_test(test_old_sample),
        cmocka_unit_test(test_unproven),
        cmocka_unit_test(test_limits),
        cmocka_unit_test(test_read),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
