/* Foreign images: which addresses may be connected to, how long a reply is good, and downloads by
 * this process and through a fetcher, from a small server here. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "source/public_address.h"
#include "source/fetcher.h"
#include "source/freshness.h"

/* ---- addresses ---- */

static bool is_public(const char *text) {
    struct sockaddr_in in = {.sin_family = AF_INET};
    struct sockaddr_in6 in6 = {.sin6_family = AF_INET6};
    if (inet_pton(AF_INET, text, &in.sin_addr) == 1) {
        return si_address_is_public((struct sockaddr *)&in, sizeof in);
    }
    assert_int_equal(inet_pton(AF_INET6, text, &in6.sin6_addr), 1);
    return si_address_is_public((struct sockaddr *)&in6, sizeof in6);
}

static void test_addresses(void **state) {
    static const char *const good[] = {"1.1.1.1", "8.8.8.8", "9.255.255.255", "11.0.0.0",
        "100.63.255.255", "100.128.0.0", "126.255.255.255", "128.0.0.1", "169.253.255.255",
        "172.15.255.255", "172.32.0.0", "192.167.255.255", "192.169.0.0", "198.17.255.255",
        "198.20.0.0", "223.255.255.255", "2606:4700::1111", "2a00:1450::1", "2001:200::1",
        "2001:db7::1", "::ffff:8.8.8.8", "64:ff9b::808:808", "2002:808:808::1"};
    static const char *const bad[] = {"0.0.0.0", "0.1.2.3", "10.0.0.1", "10.255.255.255",
        "100.64.0.0", "100.127.255.255", "127.0.0.1", "127.255.255.255", "169.254.169.254",
        "172.16.0.1", "172.31.255.255", "192.0.0.8", "192.0.2.1", "192.168.0.1", "198.18.0.1",
        "198.19.255.255", "198.51.100.7", "203.0.113.9", "224.0.0.1", "239.1.1.1", "240.0.0.1",
        "255.255.255.255", "::", "::1", "::127.0.0.1", "::8.8.8.8", "::ffff:127.0.0.1",
        "::ffff:10.0.0.1", "::ffff:169.254.169.254", "fe80::1", "fec0::1", "fc00::1",
        "fd12:3456::1", "ff02::1", "64:ff9b::a00:1", "64:ff9b:1::808:808", "100::1", "2001::1",
        "2001:1ff::1", "2001:db8::1", "2002:7f00:1::1", "2002:c0a8:1::", "3fff::1", "4000::1"};
    (void)state;
    for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
        if (!is_public(good[i])) {
            fail_msg("%s is public", good[i]);
        }
    }
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        if (is_public(bad[i])) {
            fail_msg("%s is not public", bad[i]);
        }
    }
    struct sockaddr local = {.sa_family = AF_UNIX};
    assert_false(si_address_is_public(&local, sizeof local));
    struct sockaddr_in in = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(0x08080808)};
    assert_false(si_address_is_public((struct sockaddr *)&in, sizeof in - 1));
}

static void test_listed_hosts(void **state) {
    (void)state;
    const char *list = "a.example, B.example\tc";
    assert_true(si_host_is_listed(list, SI_STR("A.EXAMPLE")));
    assert_true(si_host_is_listed(list, SI_STR("b.example")));
    assert_true(si_host_is_listed(list, SI_STR("c")));
    assert_false(si_host_is_listed(list, SI_STR("example")));
    assert_false(si_host_is_listed(list, SI_STR("x.a.example")));
    assert_false(si_host_is_listed(list, SI_STR("")));
    assert_false(si_host_is_listed(NULL, SI_STR("c")));
}

/* ---- lives ---- */

static long life(const char *head) {
    si_freshness f = {0};
    si_str rest = si_str_of(head), line;
    while (si_str_next(&rest, '\n', &line)) {
        si_freshness_read(&f, line);
    }
    return si_freshness_seconds(&f, 36000, 784111777); /* Sun, 06 Nov 1994 08:49:37 GMT */
}

static void test_lives(void **state) {
    (void)state;
    static const struct {
        const char *head;
        long life;
    } rows[] = {
        {"", 0},
        {"Cache-Control: max-age=100", 0}, /* no validator */
        {"ETag:", 0},
        {"ETag: \"1\"", 36000},
        {"Last-Modified: Sun, 06 Nov 1994 08:49:37 GMT\r", 36000},
        {"etag: W/\"1\"\nCACHE-CONTROL: public, Max-Age=100", 100},
        {"ETag: 1\nCache-Control: max-age=\"100\"", 100},
        {"ETag: 1\nCache-Control: max-age=100, s-maxage=7", 7},
        {"ETag: 1\nCache-Control: s-maxage=7\nCache-Control: max-age=100", 7},
        {"ETag: 1\nCache-Control: max-age=100\nAge: 30", 70},
        {"ETag: 1\nCache-Control: max-age=100\nAge: 300", 0},
        {"ETag: 1\nCache-Control: max-age=100\nCache-Control: max-age=50", 50},
        {"ETag: 1\nCache-Control: max-age=-1", 0},
        {"ETag: 1\nCache-Control: max-age=soon", 0},
        {"ETag: 1\nCache-Control: max-age=99999999999999999999", 31536000},
        {"ETag: 1\nCache-Control: no-store", 0},
        {"ETag: 1\nCache-Control: max-age=9, NO-CACHE", 0},
        {"ETag: 1\nCache-Control: private", 0},
        {"ETag: 1\nCache-Control: private=\"x\", max-age=9", 0},
        {"ETag: 1\nVary: *", 0},
        {"ETag: 1\nVary: Accept", 36000},
        {"ETag: 1\nExpires: Sun, 06 Nov 1994 08:50:37 GMT", 60},
        {"ETag: 1\nExpires: Sun, 06 Nov 1994 08:50:37 GMT\nDate: Sun, 06 Nov 1994 08:50:27 GMT",
            10},
        {"ETag: 1\nExpires: Sun, 06 Nov 1994 08:50:37 GMT\nCache-Control: max-age=5", 5},
        {"ETag: 1\nExpires: 0", 0},
        {"ETag: 1\nExpires: Sat, 05 Nov 1994 08:50:37 GMT", 0},
        {"ETag: 1\nHTTP/1.1 200 OK\nCache-Control: max-age=100", 0}, /* another reply's */
        {"no colon\nETag: 1", 36000},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        if (life(rows[i].head) != rows[i].life) {
            fail_msg("%s: %ld instead of %ld", rows[i].head, life(rows[i].head), rows[i].life);
        }
    }
}

/* ---- a server ---- */

static int port;
static pid_t server;

static void send_text(int fd, const char *text) {
    (void)!send(fd, text, strlen(text), MSG_NOSIGNAL);
}

/* One request, by its path. */
static void serve(int fd) {
    char head[2000];
    ssize_t n = recv(fd, head, sizeof head - 1, 0);
    head[n > 0 ? n : 0] = '\0';
    if (strncmp(head, "GET /slow", 9) == 0) {
        (void)!recv(fd, head, 1, 0); /* answers when nobody listens any more */
    } else if (strncmp(head, "GET /moved", 10) == 0) {
        send_text(fd, "HTTP/1.1 302 Found\r\nLocation: /\r\nContent-Length: 0\r\n\r\n");
    } else if (strncmp(head, "GET /none", 9) == 0) {
        send_text(fd, "HTTP/1.1 404 Not Found\r\nContent-Length: 2\r\n\r\nno");
    } else if (strncmp(head, "GET /broken", 11) == 0) {
        send_text(fd, "HTTP/1.1 500 Oops\r\nContent-Length: 2\r\n\r\nno");
    } else if (strncmp(head, "GET /short", 10) == 0) {
        send_text(fd, "HTTP/1.1 200 OK\r\nContent-Length: 200\r\n\r\nhello");
    } else if (strncmp(head, "GET /empty", 10) == 0) {
        send_text(fd, "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
    } else if (strncmp(head, "GET /huge", 9) == 0) {
        send_text(fd, "HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n"); /* without saying so */
        for (int i = 0; i < 100; i++) {
            send_text(fd, "0123456789012345678901234567890123456789");
        }
    } else {
        send_text(fd, "HTTP/1.1 200 OK\r\nETag: \"1\"\r\nCache-Control: max-age=60\r\n"
                      "Content-Length: 5\r\n\r\nhello");
    }
}

static int start_server(void **state) {
    (void)state;
    struct sockaddr_in a = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t len = sizeof a;
    int listener = socket(AF_INET, SOCK_STREAM, 0);
    if (bind(listener, (struct sockaddr *)&a, len) != 0 || listen(listener, 20) != 0 ||
        getsockname(listener, (struct sockaddr *)&a, &len) != 0) {
        return -1;
    }
    port = ntohs(a.sin_port);
    server = fork();
    if (server == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
        signal(SIGCHLD, SIG_IGN);
        for (;;) {
            int fd = accept(listener, NULL, NULL);
            if (fork() == 0) {
                serve(fd);
                _exit(0);
            }
            close(fd);
        }
    }
    close(listener);
    return 0;
}

static int stop_server(void **state) {
    (void)state;
    kill(server, SIGKILL);
    waitpid(server, NULL, 0);
    return 0;
}

static const char *url(const char *path) {
    static char text[300];
    snprintf(text, sizeof text, "http://127.0.0.1:%d%s", port, path);
    return text;
}

enum { PATIENCE_MS = 60000 }; /* for what is to succeed */

static const si_fetch_options local = {
    .private_hosts = "127.0.0.1", .timeout_ms = PATIENCE_MS, .max_bytes = 2000};
static const si_fetch_options hasty = {
    .private_hosts = "127.0.0.1", .timeout_ms = 300, .max_bytes = 2000};

static si_result result_of(const si_fetch_options *options, const char *address, char *text) {
    si_diag diag = {0};
    long seconds = 0;
    int fd = si_fetch(options, address, (si_str){0}, &seconds, &diag);
    assert_int_equal(fd >= 0, diag.code == SI_OK);
    if (fd >= 0) {
        close(fd);
    }
    memcpy(text, diag.text, sizeof diag.text);
    return diag.code;
}

static void assert_hello(int fd) {
    char text[10];
    assert_int_equal(read(fd, text, sizeof text), 5);
    assert_memory_equal(text, "hello", 5);
    assert_int_equal(lseek(fd, 0, SEEK_SET), 0);
    assert_int_equal(write(fd, "x", 1), -1);
    assert_int_equal(ftruncate(fd, 0), -1);
    close(fd);
}

/* ---- downloads ---- */

static void test_download(void **state) {
    (void)state;
    si_diag diag = {0};
    long seconds = 0;
    int fd = si_fetch(&local, url("/x?secret"), (si_str){0}, &seconds, &diag);
    assert_true(fd >= 0);
    assert_int_equal(seconds, 60);
    assert_hello(fd);
}

static void test_refusals(void **state) {
    (void)state;
    char text[sizeof((si_diag *)0)->text], address[300];
    static const struct {
        const char *path;
        si_result result;
    } rows[] = {{"/moved?secret", SI_ERR_FORBIDDEN}, {"/none?secret", SI_ERR_NOT_FOUND},
        {"/broken?secret", SI_ERR_SOURCE}, {"/short?secret", SI_ERR_SOURCE},
        {"/empty?secret", SI_ERR_SOURCE}, {"/huge?secret", SI_ERR_LIMIT},
        {"/slow?secret", SI_ERR_TIMEOUT}}; /* by a server that does not answer */
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        const si_fetch_options *o = rows[i].result == SI_ERR_TIMEOUT ? &hasty : &local;
        if (result_of(o, url(rows[i].path), text) != rows[i].result) {
            fail_msg("%s: %s", rows[i].path, text);
        }
        assert_non_null(strstr(text, "127.0.0.1"));
        assert_null(strstr(text, "secret"));
    }
    assert_int_equal(result_of(NULL, url("/x"), text), SI_ERR_FORBIDDEN); /* not public */
    si_fetch_options other = {.private_hosts = "127.0.0.2,localhost"};
    assert_int_equal(result_of(&other, url("/x"), text), SI_ERR_FORBIDDEN);
    snprintf(address, sizeof address, "http://localhost:%d/x", port);
    assert_int_equal(result_of(&local, address, text), SI_ERR_FORBIDDEN); /* by another name */
    snprintf(address, sizeof address, "http://secret:word@127.0.0.1:%d/x", port);
    assert_int_equal(result_of(&local, address, text), SI_ERR_FORBIDDEN);
    assert_null(strstr(text, "secret"));
    assert_int_equal(result_of(&local, "file:///etc/passwd", text), SI_ERR_FORBIDDEN);
    assert_int_equal(result_of(&local, "ftp://127.0.0.1/x", text), SI_ERR_FORBIDDEN);
    assert_int_equal(result_of(&local, "gopher://127.0.0.1/x", text), SI_ERR_FORBIDDEN);
    assert_int_equal(result_of(&local, "127.0.0.1/x", text), SI_ERR_SYNTAX);
    assert_int_equal(result_of(&local, "http://127.0.0.1/a b", text), SI_ERR_SYNTAX);
    assert_int_equal(result_of(&local, "http://127.0.0.1/\r\nX: 1", text), SI_ERR_SYNTAX);
}

static void test_no_proxy(void **state) {
    (void)state;
    char text[sizeof((si_diag *)0)->text];
    setenv("http_proxy", "http://127.0.0.1:9", 1);
    setenv("all_proxy", "http://127.0.0.1:9", 1);
    assert_int_equal(result_of(&local, url("/x"), text), SI_OK);
    unsetenv("http_proxy");
    unsetenv("all_proxy");
}

/* ---- the fetcher ---- */

static pid_t start_fetcher(int *asking, int *answering, int transfers) {
    pid_t self = getpid();
    si_fetch_options options = local;
    options.transfers = transfers;
    assert_true(si_fetcher_sockets(asking, answering));
    pid_t pid = fork();
    if (pid == 0) {
        si_fetcher_run(&options, &(si_fetcher_guard){0}, *answering, SI_SANDBOX_OFF, self);
    }
    return pid;
}

static void stop_fetcher(pid_t pid, int asking, int answering) {
    kill(pid, SIGKILL);
    waitpid(pid, NULL, 0);
    close(asking);
    close(answering);
}

static void test_fetcher(void **state) {
    (void)state;
    int asking, answering;
    pid_t pid = start_fetcher(&asking, &answering, 2);
    for (int i = 0; i < 3; i++) {
        si_diag diag = {0};
        long seconds = 0;
        int fd = si_fetcher_open(
            asking, &(si_fetcher_question){.url = url("/x")}, PATIENCE_MS, &seconds, &diag);
        assert_string_equal(diag.text, "");
        assert_int_equal(seconds, 60);
        assert_hello(fd);
        assert_int_equal(si_fetcher_open(asking, &(si_fetcher_question){.url = url("/none")},
                             PATIENCE_MS, &seconds, &diag),
            -1);
        assert_int_equal(diag.code, SI_ERR_NOT_FOUND);
    }
    stop_fetcher(pid, asking, answering);
}

/* More questions than transfers: all are answered; slow ones do not hold up those behind them. */
static void test_fetcher_queue(void **state) {
    (void)state;
    enum { ASKERS = 6 };
    int asking, answering;
    pid_t pid = start_fetcher(&asking, &answering, 2), askers[ASKERS];
    for (int i = 0; i < ASKERS; i++) {
        askers[i] = fork();
        if (askers[i] == 0) {
            si_diag diag = {0};
            long seconds = 0;
            int wait_ms = i == 0 ? 300 : PATIENCE_MS; /* the transfer itself goes on */
            const char *address = url(i == 0 ? "/slow" : "/x");
            int fd = si_fetcher_open(
                asking, &(si_fetcher_question){.url = address}, wait_ms, &seconds, &diag);
            _exit(i == 0 ? diag.code == SI_ERR_TIMEOUT : fd >= 0);
        }
    }
    for (int i = 0; i < ASKERS; i++) {
        int status;
        waitpid(askers[i], &status, 0);
        assert_int_equal(status, 1 << 8);
    }
    stop_fetcher(pid, asking, answering);
}

/* A fetcher that dies is noticed at once; the next one answers. */
static void test_fetcher_dies(void **state) {
    (void)state;
    int asking, answering;
    pid_t pid = start_fetcher(&asking, &answering, 2);
    pid_t killer = fork();
    if (killer == 0) {
        usleep(300000);
        kill(pid, SIGKILL);
        _exit(0);
    }
    si_diag diag = {0};
    long seconds = 0;
    /* the transfer would end with SI_ERR_TIMEOUT, its time being far longer than the killer waits
     */
    assert_int_equal(si_fetcher_open(asking, &(si_fetcher_question){.url = url("/slow")},
                         PATIENCE_MS, &seconds, &diag),
        -1);
    assert_int_equal(diag.code, SI_ERR_IO);
    assert_int_equal(seconds, SI_FETCHER_ENDED);
    waitpid(killer, NULL, 0);
    stop_fetcher(pid, asking, answering);
}

/* Nobody answers: an error in time. */
static void test_no_fetcher(void **state) {
    (void)state;
    int asking, answering;
    si_diag diag = {0};
    long seconds = 0;
    assert_true(si_fetcher_sockets(&asking, &answering));
    assert_int_equal(
        si_fetcher_open(asking, &(si_fetcher_question){.url = url("/x")}, 100, &seconds, &diag),
        -1);
    assert_int_equal(diag.code, SI_ERR_TIMEOUT);
    close(asking);
    close(answering);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_addresses),
        cmocka_unit_test(test_listed_hosts),
        cmocka_unit_test(test_lives),
        cmocka_unit_test(test_download),
        cmocka_unit_test(test_refusals),
        cmocka_unit_test(test_no_proxy),
        cmocka_unit_test(test_fetcher),
        cmocka_unit_test(test_fetcher_queue),
        cmocka_unit_test(test_fetcher_dies),
        cmocka_unit_test(test_no_fetcher),
    };
    return cmocka_run_group_tests(tests, start_server, stop_server);
}
