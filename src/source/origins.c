#include "source/origins_internal.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/origin_ask.h"
#include "process/confine.h"
#include "process/fdpass.h"
#include "source/question.h"

enum { SPARE_FILES = 64, LONGEST_WAIT_MS = 1000, BACKLOG = 256 };
#define MEMORY (INT64_C(4) << 30)

static volatile sig_atomic_t stopping;

static void on_stop(int signal_number) {
    (void)signal_number;
    stopping = 1;
}

/* ---- questions ---- */

/* A renderer's question, for the original of a path in a recipe. */
static void ask_for_original(si_origins_process *p, const char *path, int socket) {
    si_origin_path parts;
    const si_origin *origin = NULL;
    static const char as_it_is[1][SI_ORIGIN_EXTENSION] = {""};
    if (!si_origin_path_read(path, &parts) ||
        (origin = si_origins_find(&p->options->origins, parts.origin)) == NULL) {
        si_question_refuse(socket, SI_ERR_IO, "there is no such source of originals here");
        return;
    }
    const si_original_name name = {origin->id, parts.version, parts.key};
    int fd = si_original_cache_get(p->cache, &name);
    if (fd >= 0) {
        static const si_diag nothing;
        si_question_reply(socket, &nothing, fd, SI_ORIGINAL_LIFE);
        close(fd);
        close(socket);
        return;
    }
    const si_origin_wanted wanted = {origin, parts.key, as_it_is, 1, true};
    const si_origin_waiter who = {.socket = socket, .version = parts.version};
    si_tasks_ask(p, &wanted, &who);
}

static void take_renderers_questions(si_origins_process *p) {
    static char packet[SI_QUESTION_MAX];
    static char path[SI_FETCH_URL_MAX + 1];
    for (;;) {
        int socket;
        si_fetcher_question q;
        const si_fetcher_guard *guard = &p->options->guard;
        ssize_t n = si_packet_receive(p->answering, packet, sizeof packet, &socket, MSG_DONTWAIT);
        if (n <= 0) {
            return;
        }
        if (socket < 0) {
            continue; /* nobody to answer */
        }
        if (!si_question_read(packet, (size_t)n, path, &q)) {
            si_question_refuse(socket, SI_ERR_SYNTAX, "a question for an original is malformed");
        } else if (guard->admits != NULL && !guard->admits(guard->context, &q)) {
            dprintf(STDERR_FILENO, "smartimg: an original was asked for that no recipe needs\n");
            si_question_refuse(socket, SI_ERR_FORBIDDEN, "no recipe needs this original");
        } else {
            ask_for_original(p, path, socket);
        }
    }
}

/* Whether a packet is a question of nginx. */
static bool is_question(const si_origin_ask *q, size_t len) {
    size_t least = offsetof(si_origin_ask, key) + 2;
    if (len < least || len > sizeof *q || ((const char *)q)[len - 1] != '\0' ||
        strnlen(q->origin, sizeof q->origin) == sizeof q->origin || q->candidate_count < 1 ||
        q->candidate_count > SI_ORIGIN_CANDIDATES || q->key[0] == '\0') {
        return false;
    }
    for (int i = 0; i < q->candidate_count; i++) {
        if (strnlen(q->candidates[i], SI_ORIGIN_EXTENSION) == SI_ORIGIN_EXTENSION) {
            return false;
        }
    }
    return strlen(q->key) + offsetof(si_origin_ask, key) + 1 == len;
}

static void ask_for_state(
    si_origins_process *p, const si_origin_ask *q, const si_origin_waiter *who) {
    const si_origin *origin = si_origins_find(&p->options->origins, si_str_of(q->origin));
    if (origin == NULL || origin->id != q->id) {
        si_origin_outcome other = {.result = SI_ERR_CONFIG};
        (void)si_fail(&other.diag, SI_ERR_CONFIG, "the source's settings are being changed");
        si_tasks_tell(p, who, &other, -1);
        return;
    }
    const si_origin_wanted wanted = {origin, q->key,
        (const char(*)[SI_ORIGIN_EXTENSION])q->candidates, q->candidate_count, false};
    si_tasks_ask(p, &wanted, who);
}

static void take_nginx_questions(si_origins_process *p, int at) {
    si_nginx_connection *c = &p->connections[at];
    static si_origin_ask q;
    while (c->socket >= 0) {
        ssize_t n = recv(c->socket, &q, sizeof q, MSG_DONTWAIT | MSG_TRUNC);
        if (n < 0 && (errno == EAGAIN || errno == EINTR)) {
            return;
        }
        if (n <= 0 || !is_question(&q, (size_t)n)) {
            close(c->socket);
            c->socket = -1;
            return;
        }
        const si_origin_waiter who = {
            .socket = -1, .connection = at, .serial = c->serial, .number = q.number};
        ask_for_state(p, &q, &who);
    }
}

static void accept_connections(si_origins_process *p) {
    static unsigned serial;
    for (int i = 0; i < SI_ORIGINS_CONNECTIONS && p->listener >= 0; i++) {
        if (p->connections[i].socket >= 0) {
            continue;
        }
        int fd = accept4(p->listener, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
        if (fd < 0) {
            return;
        }
        p->connections[i] = (si_nginx_connection){fd, ++serial};
    }
}

/* ---- the work ---- */

enum { WATCHED_MAX = 2 + SI_ORIGINS_CONNECTIONS + SI_ORIGINS_TASKS };

/* What is waited for: who may ask, and renderers that may go. */
static unsigned list_watched(const si_origins_process *p, struct curl_waitfd *fds) {
    unsigned n = 0;
    if (!stopping) {
        fds[n++] = (struct curl_waitfd){.fd = p->answering, .events = CURL_WAIT_POLLIN};
    }
    if (p->listener >= 0 && !stopping) {
        fds[n++] = (struct curl_waitfd){.fd = p->listener, .events = CURL_WAIT_POLLIN};
    }
    for (int i = 0; i < SI_ORIGINS_CONNECTIONS; i++) {
        if (p->connections[i].socket >= 0 && !stopping) {
            fds[n++] =
                (struct curl_waitfd){.fd = p->connections[i].socket, .events = CURL_WAIT_POLLIN};
        }
    }
    for (const si_origin_task *t = p->tasks; t != NULL; t = t->next) {
        for (const si_origin_waiter *w = t->waiters; w != NULL && n < WATCHED_MAX; w = w->next) {
            if (w->socket >= 0) {
                fds[n++] = (struct curl_waitfd){.fd = w->socket, .events = CURL_WAIT_POLLIN};
            }
        }
    }
    return n;
}

static int wait_ms(const si_origins_process *p) {
    int64_t until = si_now_ns() + LONGEST_WAIT_MS * SI_MILLISECOND;
    for (const si_origin_task *t = p->tasks; t != NULL; t = t->next) {
        if (t->phase == SI_TASK_RESTING && t->at_ns < until &&
            si_tasks_running(p, t) < t->origin->connections) {
            until = t->at_ns;
        }
    }
    return si_until_ms(until);
}

/* Waits, and takes what has come. False if nothing happened. */
static bool attend(si_origins_process *p) {
    static struct curl_waitfd fds[WATCHED_MAX];
    unsigned n = list_watched(p, fds);
    int events = 0;
    if (curl_multi_poll(p->multi, fds, n, wait_ms(p), &events) != CURLM_OK) {
        _exit(1);
    }
    for (unsigned i = 0; i < n; i++) {
        /* nobody says anything on the sockets for answers but goodbye */
        if (fds[i].revents != 0 && si_tasks_has_waiter(p, fds[i].fd)) {
            si_tasks_forget(p, fds[i].fd);
        }
    }
    if (stopping) { /* what is asked from now on is for the next si_origins_process */
        return events > 0;
    }
    accept_connections(p);
    for (int i = 0; i < SI_ORIGINS_CONNECTIONS; i++) {
        take_nginx_questions(p, i);
    }
    take_renderers_questions(p);
    return events > 0;
}

/* Nobody asks this process any more: nginx's workers ask the next one, what it has not answered,
 * too. */
static void leave(si_origins_process *p) {
    for (int i = 0; i < SI_ORIGINS_CONNECTIONS; i++) {
        if (p->connections[i].socket >= 0) {
            close(p->connections[i].socket);
            p->connections[i].socket = -1;
        }
    }
    si_tasks_end_states(p);
}

static bool is_connected(const si_origins_process *p) {
    for (int i = 0; i < SI_ORIGINS_CONNECTIONS; i++) {
        if (p->connections[i].socket >= 0) {
            return true;
        }
    }
    return false;
}

static void work(si_origins_process *p) {
    int64_t idle_since = si_now_ns();
    for (;;) {
        int ignored;
        si_tasks_start(p);
        curl_multi_perform(p->multi, &ignored);
        si_tasks_take_finished(p);
        int64_t now = si_now_ns();
        if (stopping) {
            leave(p);
            if (p->tasks == NULL) {
                return;
            }
        }
        if (attend(p) || p->tasks != NULL || is_connected(p)) {
            idle_since = now;
        } else if (now - idle_since > SI_FETCHER_IDLE_MS * SI_MILLISECOND) {
            return;
        }
    }
}

/* ---- its start ---- */

/* Of one origin. What needs a file that cannot be read fails; the others work. */
static void read_files_of(si_origins_process *p, int i) {
    const si_origin *o = p->options->origins.items[i];
    si_diag diag = {0};
    si_result result = si_origin_keys_of(o, p->options->keys, &p->keys[i], &diag);
    if (result != SI_OK && result != SI_ERR_UNSUPPORTED) {
        dprintf(STDERR_FILENO, "smartimg: source %s: %s\n", o->name, diag.text);
        p->keys[i] = (si_origin_keys){.expires = 0};
    }
    diag = (si_diag){0};
    if (o->ca_file[0] != '\0' &&
        si_authorities_read(o->ca_file, &p->authorities[i], &diag) != SI_OK) {
        dprintf(STDERR_FILENO, "smartimg: source %s: %s\n", o->name, diag.text);
    }
}

static bool read_files(si_origins_process *p) {
    const size_t count = (size_t)p->options->origins.count;
    p->keys = calloc(count + 1, sizeof *p->keys);
    p->authorities = calloc(count + 1, sizeof *p->authorities);
    for (size_t i = 0; i < count && p->keys != NULL && p->authorities != NULL; i++) {
        read_files_of(p, (int)i);
    }
    return p->keys != NULL && p->authorities != NULL;
}

/* The folder is that of whom this process becomes, as far as that is in its power. */
static int open_folder(const char *path) {
    uid_t uid;
    gid_t gid;
    if (path == NULL) {
        return -1;
    }
    (void)mkdir(path, 0700);
    int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0) {
        dprintf(STDERR_FILENO, "smartimg: the folder of originals cannot be opened: %s\n",
            strerror(errno));
    } else if (geteuid() == 0) {
        si_render_user(&uid, &gid);
        (void)!fchown(fd, uid, gid);
    }
    return fd;
}

/* From here on there is another thread. */
static void start_instance_keys(si_origins_process *p) {
    const si_origins *all = &p->options->origins;
    for (int i = 0; i < all->count && p->instance == NULL; i++) {
        if (si_origin_keys_are_of_instance(all->items[i])) {
            p->instance = si_instance_keys_start(p->multi);
        }
    }
}

static void open_cache(si_origins_process *p) {
    const si_origins_options *o = p->options;
    p->cache =
        p->folder >= 0 ? si_original_cache_open(p->folder, o->cache_bytes, o->cache_free) : NULL;
    if (p->folder >= 0 && p->cache == NULL) {
        dprintf(STDERR_FILENO, "smartimg: the folder of originals cannot be used\n");
    }
}

static void catch_signals(void) {
    struct sigaction stop = {.sa_handler = on_stop};
    sigset_t none;
    signal(SIGXFSZ, SIG_IGN);
    signal(SIGPIPE, SIG_IGN);
    signal(SIGINT, SIG_IGN);
    signal(SIGQUIT, SIG_IGN);
    signal(SIGHUP, SIG_IGN);
    sigaction(SIGTERM, &stop, NULL);
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
}

static int64_t largest_original(const si_origins *all) {
    int64_t most = 1;
    for (int i = 0; i < all->count; i++) {
        most = all->items[i]->max_megabytes > most ? all->items[i]->max_megabytes : most;
    }
    return most << 20;
}

_Noreturn void si_origins_run(
    const si_origins_options *options, int listener, int answering, pid_t parent) {
    static si_origins_process p;
    int *kept[] = {&p.listener, &p.answering, &p.folder};
    prctl(PR_SET_NAME, "smartimg-origin", 0, 0, 0);
    p.options = options;
    p.listener = listener;
    p.answering = answering;
    p.folder = open_folder(options->cache);
    for (int i = 0; i < SI_ORIGINS_CONNECTIONS; i++) {
        p.connections[i].socket = -1;
    }
    si_confinement limits = {.memory = MEMORY,
        .file_size = largest_original(&options->origins) + 4096,
        .files = SPARE_FILES + SI_ORIGINS_CONNECTIONS + 4 * SI_ORIGINS_TASKS};
    bool confined = read_files(&p) && si_keep_descriptors(kept, 3, false) && si_confine(&limits);
    catch_signals();
    bool ready = confined && si_give_up_root() &&
                 curl_global_init(CURL_GLOBAL_DEFAULT) == CURLE_OK &&
                 (p.multi = curl_multi_init()) != NULL && si_die_with(parent, SIGKILL);
    if (ready && options->sandbox != SI_SANDBOX_OFF) {
        unsigned layers = si_sandbox_close_around(SI_SANDBOX_FETCHER, p.folder);
        ready = si_sandbox_suffices(options->sandbox, SI_SANDBOX_FETCHER, layers);
    }
    if (!ready) {
        dprintf(STDERR_FILENO, "smartimg: the origins process cannot start\n");
        _exit(1);
    }
    open_cache(&p);
    start_instance_keys(&p);
    work(&p);
    _exit(0);
}

int si_origins_listen(const char *path, si_diag *diag) {
    struct sockaddr_un a = {.sun_family = AF_UNIX};
    int fd = -1;
    mode_t mask = umask(0177);
    size_t len = strlen(path);
    errno = ENAMETOOLONG;
    if (len < sizeof a.sun_path) {
        memcpy(a.sun_path, path, len + 1);
        (void)unlink(path);
        fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    }
    if (fd >= 0 && (bind(fd, (struct sockaddr *)&a, sizeof a) != 0 || listen(fd, BACKLOG) != 0)) {
        close(fd);
        fd = -1;
    }
    umask(mask);
    if (fd < 0) {
        (void)si_fail(diag, SI_ERR_IO, "cannot listen on %s: %s", path, strerror(errno));
    }
    return fd;
}
