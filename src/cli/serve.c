/* smartimg serve: nginx and the renderer pool, watched over. */
#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <linux/securebits.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/wire.h"
#include "catalog/catalog.h"
#include "cli/child.h"
#include "cli/example.h"
#include "cli/ready_probe.h"
#include "cli/config_file.h"
#include "cli/invalidations.h"
#include "cli/log_files.h"
#include "cli/purge_service.h"
#include "cli/renderers_at.h"
#include "cli/sandbox_option.h"
#include "cli/server_options.h"
#include "cli/service_notify.h"
#include "process/confine.h"
#include "quality/calibration.h"
#include "base/origin_ask.h"
#include "source/origin_keys.h"
#include "source/origins.h"

enum {
    PROBE_MS = 20,    /* between two looks whether the server answers */
    READY_MS = 20000, /* by when it must */
    WATCH_MS = 1000,
    LOGS_MS = 1000,
    DRAIN_MS = 10000, /* for nginx to end what it has begun, then as long for the pool */
    FORCE_MS = 2000,  /* for nginx to stop without ending that */
    LEAVE_MS = 1000   /* for a node to leave its fleet */
};

static si_site_options wanted;
static si_fleet_options fleet;
static si_pool_options pool_options;
static si_option_parsed sandbox = {si_sandbox_parse, &pool_options.sandbox};
static si_option_parsed originals = {si_originals_parse, &pool_options.limits.refused};
static si_option_parsed playground = {si_switch_parse, &wanted.playground};
static si_option_parsed uploads = {si_switch_parse, &wanted.playground_uploads};
static si_option_parsed proxy_protocol = {si_on_off_parse, &wanted.proxy_protocol};

/* A running server. */
typedef struct server {
    si_site site;
    si_child nginx, pool;
    si_child invalidations, purges; /* of a fleet, and for PURGE over HTTP, if wanted */
    si_purge_service service;
    int signals;
    bool ready, stopping, failed;
    int64_t ready_by_ns; /* 0 = nginx has not been started yet */
    int64_t logs_at_ns;
} server;

/* ---- children ---- */

/* Becomes nginx: the server, or a check of its configuration. */
static _Noreturn void execute_nginx(const server *s, bool check) {
    int null = open("/dev/null", O_RDONLY);
    dup2(null, STDIN_FILENO);
    const char *preload = getenv(SI_ENV_PRELOAD);
    if (preload != NULL) {
        setenv("LD_PRELOAD", preload, 1);
    }
    if (geteuid() == 0 && wanted.user == NULL) {
        /* its workers keep the right to read all files until the module gives up the others */
        (void)prctl(PR_SET_SECUREBITS, SECBIT_NO_SETUID_FIXUP, 0, 0, 0);
    }
    execl(s->site.nginx, "nginx", "-p", s->site.run, "-e",
        s->site.error_log != NULL ? s->site.error_log : "stderr", "-c", s->site.conf,
        check ? "-tq" : (char *)NULL, (char *)NULL);
    si_complain("cannot start %s: %s", s->site.nginx, strerror(errno));
    _exit(127);
}

static void become_nginx(void *context) {
    execute_nginx(context, false);
}

/* True if nginx would take the configuration; what is wrong with it is on stderr. */
static bool nginx_accepts(const server *s) {
    int status;
    sigset_t none;
    pid_t pid = fork();
    if (pid == 0) {
        sigemptyset(&none);
        sigprocmask(SIG_SETMASK, &none, NULL);
        execute_nginx(s, true);
    }
    return pid > 0 && waitpid(pid, &status, 0) == pid && status == 0;
}

/* What a pool that was started by root keeps of that: it starts renderers of another user in
 * namespaces of their own, and kills them. It opens originals as the user of --user, or any. */
#define POOL_CAPABILITIES                                                                          \
    (1ULL << CAP_SETUID | 1ULL << CAP_SETGID | 1ULL << CAP_KILL | 1ULL << CAP_SYS_ADMIN |          \
        1ULL << CAP_DAC_READ_SEARCH)

/* The parent's death signal does not survive this. */
static bool change_user(const si_site *site, pid_t parent) {
    if (geteuid() != 0) {
        return true;
    }
    si_set_other_user(site->uid);
    if (!si_keep_capabilities(POOL_CAPABILITIES) ||
        (wanted.user != NULL && !si_open_files_as(wanted.user, site->uid, site->gid))) {
        si_complain("cannot give root up for the files of %s: %s",
            wanted.user != NULL ? wanted.user : "root", strerror(errno));
        return false;
    }
    return si_die_with(parent, SIGTERM);
}

static void become_pool(void *context) {
    const server *s = context;
    pid_t parent = getppid();
    close(s->signals);
    close(s->site.claim);     /* renderers that outlive us do not use the cache folder */
    si_calibration_current(); /* before there are workers */
    int status = change_user(&s->site, parent) ? si_pool_run(&pool_options) : 1;
    if (getppid() != parent) { /* it was killed, and cannot tidy up itself */
        si_site_remove_run_folder(&s->site);
    }
    _exit(status);
}

static void become_invalidations(void *context) {
    const server *s = context;
    si_invalidations_run(&fleet, &s->site);
}

static void become_purges(void *context) {
    const server *s = context;
    si_purge_service_run(&s->service, &s->site);
}

/* What a server does that nobody has configured. */
static void report_defaults(void) {
    static const char *const on[] = {
#define X(name, value) #name,
        SI_UNCONFIGURED_ATTRIBUTES(X)
#undef X
    };
    fputs("smartimg: converts pictures to what each browser shows best, and fits them to its "
          "screen (",
        stdout);
    for (size_t i = 0; i < sizeof on / sizeof *on; i++) {
        printf("%s%s", i > 0 ? ", " : "", on[i]);
    }
    puts(": on, as there is no --config)");
}

/* A link to click, and what to type. */
static void report_example(const char *host) {
    si_catalog *catalog = NULL;
    si_arena arena = {0};
    const char *address;
    if (si_catalog_load(wanted.config, wanted.root, NULL, NULL, &catalog, NULL) != SI_OK) {
        return;
    }
    switch (si_example_find(catalog, &arena, &address)) {
    case SI_EXAMPLE_FOUND:
        printf("smartimg: for example http://%s%s\n", host, address);
        break;
    case SI_EXAMPLE_NONE:
        printf("smartimg: there is no picture in %s yet; FOLDER/NAME.jpg will be "
               "http://%s/is/image/FOLDER/NAME\n",
            wanted.root, host);
        break;
    case SI_EXAMPLE_UNSEEN:
        printf("smartimg: FOLDER/NAME.jpg in %s is http://%s/is/image/FOLDER/NAME\n", wanted.root,
            host);
        break;
    }
    const char *call = si_example_call(&arena);
    if (call != NULL) {
        printf("smartimg: \"%s help\" tells what else it does\n", call);
    }
    si_arena_free(&arena);
    si_catalog_free(catalog);
}

/* All lines in one piece: who waits for the first may close the pipe. */
static void report_ready(server *s) {
    static char lines[8192];
    char address[300];
    if (s->ready || !si_server_answers(wanted.listen, wanted.proxy_protocol)) {
        return;
    }
    s->ready = true;
    setvbuf(stdout, lines, _IOFBF, sizeof lines);
    printf("smartimg: ready on http://%s/\n", si_typed_address(wanted.listen, address));
    if (wanted.tls_listen != NULL) {
        printf("smartimg: ready on https://%s/\n", si_typed_address(wanted.tls_listen, address));
    }
    if (wanted.config == NULL) {
        report_defaults();
    }
    report_example(si_typed_address(wanted.listen, address));
    fflush(stdout);
    si_service_notify("READY=1");
}

static void fail_to_start(server *s, const char *why) {
    si_complain("%s", why);
    s->failed = s->stopping = true;
}

static void reap(void *context, pid_t pid, int status) {
    server *s = context;
    if (pid == s->pool.process.pid) {
        si_child_reap(&s->pool, status);
    } else if (pid == s->invalidations.process.pid) {
        si_child_reap(&s->invalidations, status);
        if (s->ready_by_ns == 0 && !s->stopping && status != 0) {
            fail_to_start(s, "the invalidations process does not start; the reason is above");
        }
    } else if (pid == s->purges.process.pid) {
        si_child_reap(&s->purges, status);
    } else if (pid == s->nginx.process.pid) {
        si_child_reap(&s->nginx, status);
        if (!s->ready && !s->stopping) {
            fail_to_start(s, "nginx does not start; the reason is above");
        }
    } /* else an orphan of either, which came to us as their subreaper */
}

/* Starts what does not run and may. A node of a fleet does not serve before it knows what was
 * purged while it was away. */
static void keep_running(server *s) {
    si_child *children[] = {&s->pool, wanted.fleet ? &s->invalidations : NULL,
        wanted.purges ? &s->purges : NULL, &s->nginx};
    for (size_t i = 0; i < sizeof children / sizeof *children && !s->stopping; i++) {
        si_child *c = children[i];
        bool may = c != NULL && c->process.pid == 0 && si_now_ns() >= c->process.start_at_ns;
        if (may && c == &s->nginx && s->ready_by_ns == 0) {
            may = !wanted.fleet || si_invalidations_ready(&s->site);
            s->ready_by_ns = may ? si_now_ns() + READY_MS * SI_MILLISECOND : 0;
        }
        if (may) {
            si_child_start(c);
        }
    }
}

/* ---- signals ---- */

static bool load_catalog(void) {
    si_catalog *catalog = NULL;
    si_diag diag = {0};
    si_result r = si_catalog_load(
        wanted.config, wanted.root, si_complain_mistake, (void *)wanted.config, &catalog, &diag);
    si_catalog_free(catalog);
    if (r != SI_OK && r != SI_ERR_CONFIG) { /* whose mistakes have been told one by one */
        si_complain_diag(&diag);
    }
    return r == SI_OK;
}

/* The configuration as `smartimg config check` sees it first; then nginx reads it again, whose old
 * workers end what they have begun. Renderers know recipes only, so there is nothing to tell them;
 * but the pool has the origins that originals come from.
 */
static void reload(server *s) {
    bool settings = wanted.config == NULL || si_config_file_check(wanted.config,
                                                 si_complain_mistake, (void *)wanted.config) == 0;
    if (load_catalog() && settings && nginx_accepts(s)) {
        char changed[300];
        int count = wanted.config != NULL
                        ? si_config_file_changes(wanted.config, changed, sizeof changed)
                        : 0;
        si_complain("configuration reloaded");
        if (count > 0) {
            si_complain("%s of smartimg.ini %s changed, which counts from the next start only",
                changed, count == 1 ? "has" : "have");
        }
        si_child_signal(&s->pool, SIGHUP);
        si_child_signal(&s->nginx, SIGHUP);
    } else {
        si_complain("the configuration has mistakes, the old one stays in use");
    }
}

static void read_signals(server *s) {
    struct signalfd_siginfo info;
    while (read(s->signals, &info, sizeof info) == (ssize_t)sizeof info) {
        if (info.ssi_signo == SIGHUP) {
            reload(s);
        } else if (info.ssi_signo == SIGUSR1) {
            si_child_signal(&s->nginx, SIGUSR1); /* which has all the logs */
        } else if (info.ssi_signo != SIGCHLD) {
            s->stopping = true;
        }
    }
    si_reap_children(reap, s);
}

/* Looks at the logs once a second; whichever becomes too long is written anew. */
static void look_after_logs(server *s) {
    int64_t now = si_now_ns();
    if (!s->ready || now < s->logs_at_ns) {
        return;
    }
    s->logs_at_ns = now + LOGS_MS * SI_MILLISECOND;
    const char *logs[] = {s->site.access_log, s->site.error_log};
    bool open_anew = false;
    for (int i = 0; i < 2; i++) {
        open_anew |= logs[i] != NULL && si_log_rotate(logs[i], wanted.log_size);
    }
    if (open_anew) {
        si_child_signal(&s->nginx, SIGUSR1);
    }
}

static void wait_for_signals(server *s, int ms) {
    struct pollfd p = {.fd = s->signals, .events = POLLIN};
    if (poll(&p, 1, ms) > 0) {
        read_signals(s);
    }
}

/* Until when keep_running() has nothing to do. */
static int idle_ms(const server *s) {
    int64_t until = si_now_ns() + (s->ready ? WATCH_MS : PROBE_MS) * SI_MILLISECOND;
    until = si_process_start_before(&s->pool.process, until);
    if (wanted.fleet) {
        until = si_process_start_before(&s->invalidations.process, until);
    }
    if (wanted.purges) {
        until = si_process_start_before(&s->purges.process, until);
    }
    if (s->ready_by_ns != 0) { /* else nginx waits for another event than its time */
        until = si_process_start_before(&s->nginx.process, until);
    }
    return si_until_ms(until);
}

/* ---- the stages of a server's life ---- */

/* Sends a signal to a child and waits for its end. */
static bool stop_child(server *s, si_child *c, int signal_number, int ms) {
    int64_t until = si_now_ns() + ms * SI_MILLISECOND;
    si_child_signal(c, signal_number);
    while (c->process.pid > 0 && si_now_ns() < until) {
        wait_for_signals(s, si_until_ms(until));
    }
    return c->process.pid == 0;
}

/* nginx first, so that what it has begun still finds renderers. */
static void stop(server *s) {
    s->stopping = true;
    si_service_notify("STOPPING=1");
    (void)(stop_child(s, &s->nginx, SIGQUIT, DRAIN_MS) ||
           stop_child(s, &s->nginx, SIGTERM, FORCE_MS));
    if (s->nginx.process.pid > 0) {
        kill(-s->nginx.process.pid, SIGKILL);
        stop_child(s, &s->nginx, SIGKILL, FORCE_MS);
    }
    if (!stop_child(s, &s->pool, SIGTERM, SI_POOL_DRAIN_MS + FORCE_MS)) {
        kill(-s->pool.process.pid, SIGKILL);
        stop_child(s, &s->pool, SIGKILL, FORCE_MS);
    }
    if (!stop_child(s, &s->purges, SIGTERM, FORCE_MS)) {
        stop_child(s, &s->purges, SIGKILL, FORCE_MS);
    }
    if (!stop_child(s, &s->invalidations, SIGTERM, LEAVE_MS)) {
        stop_child(s, &s->invalidations, SIGKILL, FORCE_MS);
    }
}

static bool catch_signals(server *s) {
    static const int ours[] = {SIGCHLD, SIGTERM, SIGINT, SIGQUIT, SIGHUP, SIGUSR1};
    prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0); /* nobody's orphan is left running */
    s->signals = si_signal_descriptor(ours, sizeof ours / sizeof *ours);
    return s->signals >= 0;
}

/* To nginx's workers, who connect to it. */
static bool give_socket_away(const server *s, const char *path) {
    if (s->site.uid != geteuid() && chown(path, s->site.uid, s->site.gid) != 0) {
        si_complain("cannot give %s away: %s", path, strerror(errno));
        return false;
    }
    return true;
}

/* Opens the sockets of renderers of this machine. */
static bool listen_for_requests(const server *s) {
    si_diag diag = {0};
    if (!si_pool_listen_lanes(s->site.socket, pool_options.listen_fds, &diag)) {
        si_complain_diag(&diag);
        return false;
    }
    char path[SI_LANE_PATH_MAX];
    for (int i = 0; i < SI_LANE_COUNT; i++) {
        if (!give_socket_away(s, si_pool_lane_path(s->site.socket, (si_lane)i, path))) {
            return false;
        }
    }
    return true;
}

/* Opens the socket of the origins process, which every server has: whoever plans asks it. */
static bool listen_for_questions(const server *s) {
    si_diag diag = {0};
    char path[SI_LANE_PATH_MAX];
    snprintf(path, sizeof path, "%s" SI_ORIGINS_SUFFIX, s->site.socket);
    pool_options.origins_fd = si_origins_listen(path, &diag);
    if (pool_options.origins_fd < 0) {
        si_complain_diag(&diag);
        return false;
    }
    return give_socket_away(s, path);
}

/* What the pool does at all, and where nginx finds it: renderers of other machines leave it the
 * origins process. */
static bool prepare_pool(server *s) {
    pool_options.root = s->site.root;
    pool_options.uploads = s->site.uploads;
    pool_options.seal_key = s->site.seal_key_file;
    pool_options.config = s->site.config;
    pool_options.originals = s->site.originals;
    pool_options.originals_free = wanted.cache_min_free;
    pool_options.status = s->site.status;
    pool_options.shared_listener = true; /* so requests wait while a pool that died is replaced */
    if (wanted.renderers_at != NULL) {
        s->pool.name = "the pool of the origins process";
        pool_options.workers = SI_POOL_NO_WORKERS;
        for (int i = 0; i < SI_LANE_COUNT; i++) {
            pool_options.listen_fds[i] = -1;
        }
        return listen_for_questions(s);
    }
    si_originals_warn(pool_options.limits.refused);
    return listen_for_requests(s) && listen_for_questions(s);
}

/* Everything up to the first child. */
static bool prepare(server *s) {
    pool_options.keys = si_origin_keys_take_environment();
    wanted.root = pool_options.root; /* until that is absolute */
    wanted.queue_ms = pool_options.queue_ms;
    wanted.wall_ms = pool_options.wall_ms;
    int machines = wanted.renderers_at != NULL ? si_renderers_at_count(wanted.renderers_at) : 1;
    wanted.renderers =
        pool_options.workers > 0 ? pool_options.workers : machines * si_processor_count();
    wanted.refused_kinds = pool_options.limits.refused;
    wanted.reply_bytes = pool_options.reply_bytes;
    wanted.fleet = fleet.redis != NULL;
    wanted.purges = si_purge_service_is_wanted(&fleet);
    if (wanted.purges && wanted.admin_listen == NULL) {
        si_complain("PURGE over HTTP takes --admin-listen");
        return false;
    }
    wanted.originals = pool_options.originals;
    if (access(wanted.root, R_OK | X_OK) != 0) {
        si_complain("cannot read folder %s: %s", wanted.root, strerror(errno));
        return false;
    }
    if (!load_catalog() || !si_site_prepare(&wanted, &s->site)) {
        return false;
    }
    if ((wanted.fleet && !si_invalidations_are_right(&fleet)) ||
        (wanted.purges && !si_purge_service_prepare(&fleet, &s->site, &s->service))) {
        return false;
    }
    if (!prepare_pool(s)) {
        return false;
    }
    if (geteuid() == 0 && wanted.user == NULL) {
        si_complain(
            "nginx runs as %s and may read all files, as no --user was named", s->site.user);
    }
    return si_sandbox_announce(pool_options.sandbox) && catch_signals(s);
}

static int run(char **operands, int count) {
    static server s = {.nginx = {.name = "nginx", .become = become_nginx, .context = &s},
        .pool = {.name = "the renderer pool", .become = become_pool, .context = &s},
        .invalidations = {.name = "the invalidations process",
            .become = become_invalidations,
            .context = &s},
        .purges = {.name = "the purge service", .become = become_purges, .context = &s}};
    (void)operands;
    (void)count;
    if (!prepare(&s)) {
        si_site_clear(&s.site);
        return SI_EXIT_FAILED;
    }
    while (!s.stopping) {
        keep_running(&s);
        wait_for_signals(&s, idle_ms(&s));
        report_ready(&s);
        look_after_logs(&s);
        if (!s.ready && !s.stopping && s.ready_by_ns != 0 && si_now_ns() > s.ready_by_ns) {
            fail_to_start(&s, "the server does not answer");
        }
    }
    stop(&s);
    si_pool_close_lanes(pool_options.listen_fds);
    si_site_clear(&s.site);
    return s.failed ? SI_EXIT_FAILED : SI_EXIT_OK;
}

#define ROWS(X)                                                                                    \
    SI_ROOT_OPTION(X, pool_options)                                                                \
    SI_SERVE_OPTIONS(X, wanted, pool_options, fleet, playground, uploads, proxy_protocol)          \
    SI_POOL_OPTIONS(X, pool_options, originals, sandbox, wanted.seal_key)

static const si_option options[] = {ROWS(SI_OPTION_ROW){0}};
static const si_initial initial[] = {ROWS(SI_INITIAL_ROW)};

const si_command si_command_serve = {
    .name = "serve",
    .summary = "serves a folder of images",
    .synopsis = "[--root DIR] [--config DIR] [--listen ADDR:PORT] [OPTION]...",
    .description =
        "Serves the images below DIR under /is/image/COMPANY/OBJECT, where COMPANY is a folder "
        "below DIR and OBJECT a file in it, with or without its extension. Prints `smartimg: ready "
        "on http://ADDR:PORT/` once it answers, and the address of a picture. Without --config, "
        "replies are converted to what each browser shows best, and fitted to its screen.\n"
        "\n"
        "The command writes a configuration for nginx, starts nginx and a pool of renderers, and "
        "watches over both: whichever dies is started again. It stays in the foreground.\n"
        "\n"
        "SIGTERM, SIGINT and SIGQUIT end it after the running requests, within 25 seconds at most. "
        "SIGHUP reads the companies of the configuration folder and the certificate again; if "
        "there "
        "is a mistake, it is reported and the old configuration stays in use. Options of "
        "smartimg.ini count from the next start; those that have changed are named. SIGUSR1 opens "
        "the logs anew.\n"
        "\n"
        "The cache survives a restart. `smartimg purge` works on the cache folder of a running "
        "server.",
    .exit_status = " 0  stopped by a signal\n"
                   " 1  could not start: a busy port, an unwritable cache, a mistake in the "
                   "configuration\n"
                   " 2  wrong usage",
    .examples =
        " smartimg serve --root pictures\n"
        " smartimg serve --root /srv/images --config /etc/smartimg --listen 0.0.0.0:80 \\\n"
        "     --tls-listen 0.0.0.0:443 --tls-cert chain.pem --tls-key key.pem --user www-data",
    .options = options,
    .initial = initial,
    .run = run,
};
