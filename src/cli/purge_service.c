#include "cli/purge_service.h"

#include <errno.h>
#include <fcntl.h>
#include <openssl/crypto.h>
#include <openssl/sha.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/percent.h"
#include "base/wire.h"
#include "fleet/job.h"
#include "process/confine.h"
#include "process/supervise.h"
#include "renderer/pool.h"
#include "renderer/scgi.h"

enum {
    HEAD_MAX = 16 * 1024, /* of a request */
    READ_MS = 3000,
    FILES_MAX = 64,
    STATUS_COUNT = 8
};
#define FILE_MAX (INT64_C(64) << 20)

/* A request as nginx passes it on; borrowed. */
typedef struct request {
    si_str method, path, token;
} request;

static volatile sig_atomic_t stop;
static uint8_t digest[SHA256_DIGEST_LENGTH]; /* of the token: of this process alone */

static void on_stop(int signal_number) {
    (void)signal_number;
    stop = 1;
}

static void on_child(int signal_number) { /* wakes poll() */
    (void)signal_number;
}

/* ---- the start ---- */

bool si_purge_service_is_wanted(const si_fleet_options *options) {
    const char *value = getenv(SI_ENV_PURGE_TOKEN);
    return options->purge_token != NULL || (value != NULL && value[0] != '\0');
}

/* The token of the environment, which no child is to have, in a file in memory. */
static int keep_token(void) {
    char *value = getenv(SI_ENV_PURGE_TOKEN);
    int fd = value != NULL ? memfd_create("smartimg-purge-token", MFD_CLOEXEC) : -1;
    size_t len = value != NULL ? strlen(value) : 0;
    if (fd < 0) {
        return -1;
    }
    if (write(fd, value, len) != (ssize_t)len) {
        close(fd);
        fd = -1;
    }
    explicit_bzero(value, len);
    unsetenv(SI_ENV_PURGE_TOKEN);
    return fd;
}

/* Reads the token. Returns its length, 0 if it is too short or too long. */
static size_t read_token(int fd, char out[SI_PURGE_TOKEN_MOST + 2]) {
    ssize_t n = pread(fd, out, SI_PURGE_TOKEN_MOST + 1, 0);
    out[n > 0 ? n : 0] = '\0';
    size_t len = strcspn(out, "\r\n");
    return len >= SI_PURGE_TOKEN_LEAST && len <= SI_PURGE_TOKEN_MOST ? len : 0;
}

bool si_purge_token_is_good(int fd) {
    char token[SI_PURGE_TOKEN_MOST + 2];
    size_t len = read_token(fd, token);
    explicit_bzero(token, sizeof token);
    return len > 0;
}

static bool check_token(const si_purge_service *s) {
    bool good = s->token >= 0 && si_purge_token_is_good(s->token);
    if (!good) {
        si_complain("the purge token is to be a line of %d to %d bytes in the file of "
                    "--purge-token, or in " SI_ENV_PURGE_TOKEN,
            SI_PURGE_TOKEN_LEAST, SI_PURGE_TOKEN_MOST);
    }
    return good;
}

static bool check_hooks(const char *files) {
    si_purge_job job = {0};
    si_diag diag = {0};
    bool good = files == NULL || si_purge_job_hooks(&job, files, &diag) == SI_OK;
    si_purge_job_clear(&job);
    if (!good) {
        si_complain_diag(&diag);
    }
    return good;
}

bool si_purge_service_prepare(
    const si_fleet_options *options, const si_site *site, si_purge_service *out) {
    si_diag diag = {0};
    *out = (si_purge_service){.options = options, .listener = -1, .token = -1};
    out->token = options->purge_token != NULL
                     ? open(options->purge_token, O_RDONLY | O_CLOEXEC | O_NOCTTY)
                     : keep_token();
    if (!check_token(out) || !check_hooks(options->purge_hooks)) {
        return false;
    }
    out->listener = si_pool_listen(site->purge_socket, &diag);
    if (out->listener < 0) {
        si_complain_diag(&diag);
        return false;
    }
    if (site->uid != geteuid() && chown(site->purge_socket, site->uid, site->gid) != 0) {
        si_complain("cannot give %s away: %s", site->purge_socket, strerror(errno));
        return false;
    }
    return true;
}

/* ---- requests ---- */

/* Reads the head of an SCGI request, "LENGTH:NAME\0VALUE\0…,". False if there is none in time. */
static bool read_head(int fd, char buffer[HEAD_MAX], si_str *head) {
    int64_t until = si_now_ns() + READ_MS * SI_MILLISECOND;
    size_t len = 0, need = 0, begin = 0;
    while (need == 0 || len < need) {
        struct pollfd p = {.fd = fd, .events = POLLIN};
        ssize_t n = poll(&p, 1, si_until_ms(until)) > 0 && len < HEAD_MAX
                        ? read(fd, buffer + len, HEAD_MAX - len)
                        : -1;
        if (n <= 0) {
            return false;
        }
        len += (size_t)n;
        const char *colon = memchr(buffer, ':', len < 8 ? len : 8);
        if (need == 0 && colon != NULL) {
            begin = (size_t)(colon - buffer) + 1;
            need = begin + strtoul(buffer, NULL, 10) + 1;
        }
        if (need > HEAD_MAX || (need == 0 && len >= 8)) {
            return false;
        }
    }
    *head = (si_str){buffer + begin, need - 1 - begin};
    return buffer[need - 1] == ',' && (head->len == 0 || head->p[head->len - 1] == '\0');
}

static void parse_head(si_str head, request *out) {
    si_str name, value;
    *out = (request){{"", 0}, {"", 0}, {"", 0}};
    while (head.len > 0 && si_str_next(&head, '\0', &name) && head.p != NULL &&
           si_str_next(&head, '\0', &value)) {
        if (si_str_eq(name, SI_STR(SI_PARAM_PURGE_METHOD))) {
            out->method = value;
        } else if (si_str_eq(name, SI_STR(SI_PARAM_PURGE_PATH))) {
            out->path = value;
        } else if (si_str_eq(name, SI_STR(SI_PARAM_PURGE_TOKEN))) {
            out->token = value;
        }
        if (head.p == NULL) {
            return;
        }
    }
}

/* Digests are compared, so neither time nor length tell anything of the token. */
static bool is_allowed(const request *r) {
    static const si_str scheme = {"Bearer ", 7};
    uint8_t given[SHA256_DIGEST_LENGTH];
    if (r->token.len < scheme.len || !si_str_eq_nocase((si_str){r->token.p, scheme.len}, scheme)) {
        return false;
    }
    SHA256((const uint8_t *)r->token.p + scheme.len, r->token.len - scheme.len, given);
    return CRYPTO_memcmp(given, digest, sizeof digest) == 0;
}

/* What the path names. SI_ERR_CONTEXT if it is none of ours. */
static si_result read_path(si_str path, si_invalidation *what, si_diag *diag) {
    static const si_str object = {"/purge/object/", 14}, company = {"/purge/company/", 15};
    char text[4096];
    const char *query = memchr(path.p, '?', path.len);
    path.len = query != NULL ? (size_t)(query - path.p) : path.len;
    if (path.len >= sizeof text) {
        return si_fail(diag, SI_ERR_SYNTAX, "the address is too long");
    }
    if (si_str_eq(path, SI_STR("/purge/all"))) {
        return si_invalidation_read(SI_INVALIDATION_ALL, "", what, diag);
    }
    if (si_str_starts(path, company)) {
        si_str name = {path.p + company.len, path.len - company.len};
        text[si_percent_decode(name, false, text)] = '\0';
        return si_invalidation_read(SI_INVALIDATION_COMPANY, text, what, diag);
    }
    size_t skip = si_str_starts(path, object) ? object.len : 0;
    if (skip == 0 && !si_str_starts(path, SI_STR("/is/image/")) &&
        !si_str_starts(path, SI_STR("/is/content/"))) {
        return si_fail(diag, SI_ERR_CONTEXT,
            "nothing to purge here: /is/image/…, /purge/object/…, /purge/company/…, /purge/all");
    }
    snprintf(text, sizeof text, "%.*s", (int)(path.len - skip), path.p + skip);
    return si_invalidation_read(SI_INVALIDATION_OBJECT, text, what, diag);
}

static void reply(int fd, const char *status, const char *header, const char *text) {
    char all[SI_PURGE_TEXT + 400];
    int n = snprintf(all, sizeof all,
        "Status: %s\r\nContent-Type: text/plain; charset=utf-8\r\nCache-Control: no-store\r\n"
        "%s\r\n%s\n",
        status, header, text);
    n = n < (int)sizeof all ? n : (int)sizeof all - 1;
    (void)!send(fd, all, (size_t)n, MSG_NOSIGNAL);
}

/* ---- purges ---- */

static si_result prepare_job(
    const si_fleet_options *o, const si_site *site, si_purge_job *job, si_diag *diag) {
    job->fleet = o->redis != NULL;
    job->nodes.wait_ms = o->purge_wait * 1000;
    job->nodes.nodes = 1;
    job->generations = site->generations;
    if (job->fleet) {
        SI_TRY(si_redis_address_read(o->redis, o->redis_auth, &job->nodes.redis, diag));
    }
    return o->purge_hooks != NULL ? si_purge_job_hooks(job, o->purge_hooks, diag) : SI_OK;
}

static void answer(const si_purge_job *job, int fd) {
    static char buffer[HEAD_MAX];
    char text[SI_PURGE_TEXT];
    si_str head;
    request r;
    si_invalidation what;
    si_diag diag = {0};
    if (!read_head(fd, buffer, &head)) {
        return;
    }
    parse_head(head, &r);
    if (!is_allowed(&r)) {
        reply(fd, "401 Unauthorized", "WWW-Authenticate: Bearer\r\n", "the token is another");
        return;
    }
    if (!si_str_eq(r.method, SI_STR("PURGE")) && !si_str_eq(r.method, SI_STR("POST"))) {
        reply(fd, "405 Not Allowed", "Allow: PURGE, POST\r\n", "PURGE or POST");
        return;
    }
    si_result result = read_path(r.path, &what, &diag);
    if (result != SI_OK) {
        reply(fd, result == SI_ERR_CONTEXT ? "404 Not Found" : "400 Bad Request", "", diag.text);
        return;
    }
    switch (si_purge_job_run(job, &what, text)) {
    case SI_PURGED:
        reply(fd, "200 OK", "", text);
        break;
    case SI_PURGED_BEHIND:
        reply(fd, "202 Accepted", "", text);
        break;
    case SI_NOT_PURGED:
        reply(fd, "503 Service Unavailable", "Retry-After: 1\r\n", text);
        break;
    }
}

/* ---- the process ---- */

static int running;

static void ended(void *context, pid_t pid, int status) {
    (void)context;
    (void)pid;
    (void)status;
    running--;
}

static void accept_one(const si_purge_job *job, int listener) {
    int fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
    if (fd < 0) {
        return;
    }
    pid_t parent = getpid();
    pid_t pid = running < SI_PURGES_AT_A_TIME ? fork() : -1;
    if (pid == 0) {
        signal(SIGTERM, SIG_DFL);
        if (si_die_with(parent, SIGKILL)) {
            answer(job, fd);
            si_scgi_close(fd, false);
        }
        _exit(0);
    }
    if (pid < 0) {
        reply(fd, "503 Service Unavailable", "Retry-After: 1\r\n", "too many purges at a time");
    }
    running += pid > 0;
    if (pid < 0) { /* what was not read would reset the connection, and the reply with it */
        si_scgi_close(fd, true);
    } else {
        close(fd);
    }
}

/* Takes the token's digest, gives up what is not needed, and becomes nginx's user. */
static bool confine(si_purge_service *s, const si_site *site, pid_t parent) {
    char token[SI_PURGE_TOKEN_MOST + 2];
    int *kept[] = {&s->listener};
    si_confinement limits = {.memory = INT64_C(1) << 40, .file_size = FILE_MAX, .files = FILES_MAX};
    size_t len = read_token(s->token, token);
    SHA256((const uint8_t *)token, len, digest);
    explicit_bzero(token, sizeof token);
    bool ours = si_site_become_user(site);
    return len > 0 && ours && si_die_with(parent, SIGTERM) && si_keep_descriptors(kept, 1, false) &&
           si_confine(&limits);
}

_Noreturn void si_purge_service_run(const si_purge_service *service, const si_site *site) {
    static const int ignored[] = {SIGPIPE, SIGXFSZ, SIGINT, SIGQUIT, SIGHUP, SIGUSR1};
    struct sigaction ignore = {.sa_handler = SIG_IGN}, ending = {.sa_handler = on_stop},
                     child = {.sa_handler = on_child};
    si_purge_service s = *service;
    si_purge_job job = {0};
    si_diag diag = {0};
    pid_t parent = getppid();
    prctl(PR_SET_NAME, "smartimg-purge", 0, 0, 0);
    (void)prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
    for (size_t i = 0; i < sizeof ignored / sizeof *ignored; i++) {
        sigaction(ignored[i], &ignore, NULL);
    }
    sigaction(SIGTERM, &ending, NULL);
    sigaction(SIGCHLD, &child, NULL);
    if (prepare_job(s.options, site, &job, &diag) != SI_OK) { /* files that root alone may read */
        _exit(si_complain_diag(&diag));
    }
    if (!confine(&s, site, parent)) {
        si_complain("the purge service cannot be confined: %s", strerror(errno));
        _exit(1);
    }
    while (!stop) {
        struct pollfd p = {.fd = s.listener, .events = POLLIN};
        if (poll(&p, 1, 1000) > 0) {
            accept_one(&job, s.listener);
        }
        si_reap_children(ended, NULL);
    }
    _exit(0);
}
