#include "cli/invalidations.h"

#include <errno.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "process/confine.h"

enum { FILES_MAX = 64 };
#define MEMORY_MAX (INT64_C(512) << 20)
#define FILE_MAX (INT64_C(64) << 20)

static volatile sig_atomic_t stop;

static void on_stop(int signal_number) {
    (void)signal_number;
    stop = 1;
}

static void say(const char *fmt, ...) SI_PRINTF(1, 2);

static void say(const char *fmt, ...) {
    char line[1000];
    va_list args;
    va_start(args, fmt);
    vsnprintf(line, sizeof line, fmt, args);
    va_end(args);
    for (char *c = line; *c != '\0'; c++) {
        *c = (unsigned char)*c < 0x20 || *c == 0x7f ? '?' : *c; /* some of it comes from Redis */
    }
    dprintf(STDERR_FILENO, "smartimg: invalidations: %s\n", line);
}

bool si_invalidations_are_right(const si_fleet_options *options) {
    si_diag diag = {0};
    si_redis_address address;
    si_result result = si_redis_address_read(options->redis, options->redis_auth, &address, &diag);
    explicit_bzero(&address, sizeof address);
    if (result != SI_OK) {
        si_complain_diag(&diag);
        return false;
    }
    if (options->node != NULL && !si_node_name_is_good(options->node)) {
        si_complain("--node takes up to 128 letters, digits, dots, dashes and underscores");
        return false;
    }
    return true;
}

_Noreturn void si_invalidations_run(const si_fleet_options *options, const si_site *site) {
    static const int ignored[] = {SIGPIPE, SIGXFSZ, SIGINT, SIGQUIT, SIGHUP, SIGUSR1};
    si_confinement limits = {.memory = MEMORY_MAX, .file_size = FILE_MAX, .files = FILES_MAX};
    struct sigaction ignore = {.sa_handler = SIG_IGN}, ending = {.sa_handler = on_stop};
    si_follower_options follower = {.generations = site->generations,
        .position = site->position,
        .report = site->fleet_report,
        .node = options->node,
        .expire_s = options->node_expire};
    si_diag diag = {0};
    pid_t parent = getppid();
    prctl(PR_SET_NAME, "smartimg-purges", 0, 0, 0);
    for (size_t i = 0; i < sizeof ignored / sizeof *ignored; i++) {
        sigaction(ignored[i], &ignore, NULL);
    }
    sigaction(SIGTERM, &ending, NULL);
    if (si_redis_address_read(options->redis, options->redis_auth, &follower.redis, &diag) !=
        SI_OK) { /* a file that root alone may read */
        say("%s", diag.text);
        _exit(1);
    }
    bool ours = si_site_become_user(site);
    if (!ours || !si_die_with(parent, SIGTERM) || !si_keep_descriptors(NULL, 0, false) ||
        !si_confine(&limits)) {
        say("cannot be confined: %s", strerror(errno));
        _exit(1);
    }
    _exit(si_follower_run(&follower, &stop, say) ? 0 : 1);
}

bool si_invalidations_ready(const si_site *site) {
    return access(site->fleet_report, F_OK) == 0;
}
