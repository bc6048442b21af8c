#include "source/origins.h"

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
#include "source/original_cache.h"
#include "source/origin_request.h"
#include "source/question.h"

enum { SPARE_FILES = 64, LONGEST_WAIT_MS = 1000, LIFE = 31536000, BACKLOG = 256 };
#define MEMORY (INT64_C(4) << 30)

/* Somebody who waits for a task. */
typedef struct waiter {
    struct waiter *next;
    int socket;      /* of a renderer; −1 = of nginx: */
    int connection;  /* its connection, … */
    unsigned serial; /* … which is still that one if it has this */
    uint64_t number;
    uint64_t version; /* that a renderer wants */
} waiter;

typedef enum phase {
    QUEUED,
    RUNNING,
    RESTING /* until the next try */
} phase;

typedef struct task {
    struct task *next;
    const si_origin *origin;
    si_origin_request *request;
    char key[SI_ORIGIN_KEY_MAX];
    char candidates[SI_ORIGIN_CANDIDATES][SI_ORIGIN_EXTENSION];
    int candidate_count;
    bool body;
    phase phase;
    CURL *handle; /* while it runs */
    int64_t at_ns;
    waiter *waiters;
} task;

typedef struct connection {
    int socket; /* −1 = free */
    unsigned serial;
} connection;

typedef struct process {
    const si_origins_options *options;
    CURLM *multi;
    int listener, answering;
    int folder; /* of the cache, −1 = none */
    si_original_cache *cache;
    si_origin_keys *keys; /* one for each origin */
    task *tasks;          /* the oldest first */
    int task_count;
    connection connections[SI_ORIGINS_CONNECTIONS];
} process;

static volatile sig_atomic_t stopping;

static void on_stop(int signal_number) {
    (void)signal_number;
    stopping = 1;
}

static void complain(const task *t, const si_origin_outcome *o) {
    dprintf(STDERR_FILENO, "smartimg: source %s: %s%s%s%s\n", t->origin->name, o->diag.text,
        o->detail[0] != '\0' ? " (" : "", o->detail, o->detail[0] != '\0' ? ")" : "");
}

/* ---- answers ---- */

static void tell_nginx(process *p, const waiter *w, const si_origin_outcome *o) {
    connection *c = &p->connections[w->connection];
    si_origin_told told;
    if (c->socket < 0 || c->serial != w->serial) {
        return;
    }
    memset(&told, 0, sizeof told); /* no byte of ours between its fields */
    told.number = w->number;
    told.code = o->result;
    told.time = o->time;
    told.size = o->size;
    told.version = o->version;
    memcpy(told.extension, o->extension, sizeof told.extension);
    if (o->result != SI_OK) {
        snprintf(told.text, sizeof told.text, "%.100s%s%.50s", o->diag.text,
            o->detail[0] != '\0' ? ": " : "", o->detail);
    }
    if (!si_packet_send(c->socket, &told, sizeof told, -1, MSG_DONTWAIT)) {
        close(c->socket); /* it does not read: it will ask again */
        c->socket = -1;
    }
}

static void tell_renderer(const waiter *w, const si_origin_outcome *o, int fd) {
    bool same = o->result == SI_OK && o->version == w->version;
    si_question_reply(w->socket, &o->diag, o->result == SI_OK ? fd : -1, same ? LIFE : 0);
    close(w->socket);
}

static void tell(process *p, const waiter *w, const si_origin_outcome *o, int fd) {
    if (w->socket >= 0) {
        tell_renderer(w, o, fd);
    } else {
        tell_nginx(p, w, o);
    }
}

/* ---- tasks ---- */

static void free_task(process *p, task *t) {
    task **at = &p->tasks;
    while (*at != t) {
        at = &(*at)->next;
    }
    *at = t->next;
    if (t->handle != NULL) {
        curl_multi_remove_handle(p->multi, t->handle);
    }
    while (t->waiters != NULL) {
        waiter *w = t->waiters;
        t->waiters = w->next;
        if (w->socket >= 0) {
            close(w->socket);
        }
        free(w);
    }
    si_origin_request_free(t->request);
    free(t);
    p->task_count--;
}

/* Its outcome is there. */
static void end_task(process *p, task *t) {
    const si_origin_outcome *o = si_origin_request_outcome(t->request);
    int fd = t->body && o->result == SI_OK ? si_origin_request_file(t->request) : -1;
    if (fd >= 0 && o->validated) {
        const si_original_name name = {t->origin->id, o->version, t->key};
        si_original_cache_put(p->cache, &name, fd, (int64_t)o->size);
    }
    if (o->result != SI_OK && o->result != SI_ERR_NOT_FOUND) {
        complain(t, o);
    }
    while (t->waiters != NULL) {
        waiter *w = t->waiters;
        t->waiters = w->next;
        tell(p, w, o, fd);
        free(w);
    }
    free_task(p, t);
}

static int running(const process *p, const task *like) {
    int count = 0;
    for (const task *t = p->tasks; t != NULL; t = t->next) {
        count += t->phase == RUNNING && t->origin == like->origin && t->body == like->body;
    }
    return count;
}

static const si_origin_keys *keys_of(const process *p, const si_origin *o) {
    for (int i = 0; i < p->options->origins.count; i++) {
        if (p->options->origins.items[i] == o) {
            return &p->keys[i];
        }
    }
    return NULL;
}

static void start_task(process *p, task *t) {
    const si_origin_keys *keys = keys_of(p, t->origin);
    bool wanted = t->origin->credentials[0] != '\0';
    if (wanted && keys->id[0] == '\0') {
        si_origin_request_fail(
            t->request, SI_ERR_IO, "there are no keys for where originals come from");
        end_task(p, t);
        return;
    }
    t->handle = si_origin_request_try(t->request, wanted ? keys : NULL);
    if (t->handle == NULL) {
        end_task(p, t);
        return;
    }
    t->phase = RUNNING;
    curl_multi_add_handle(p->multi, t->handle);
}

/* Starts what may run now. */
static void start_tasks(process *p) {
    int64_t now = si_now_ns();
    for (task *t = p->tasks, *next; t != NULL; t = next) {
        next = t->next;
        bool due = t->phase == QUEUED || (t->phase == RESTING && now >= t->at_ns);
        if (due && running(p, t) < t->origin->connections) {
            start_task(p, t);
        }
    }
}

static void end_try(process *p, task *t, CURLcode code) {
    curl_multi_remove_handle(p->multi, t->handle);
    t->handle = NULL;
    if (si_origin_request_end(t->request, code, &t->at_ns)) {
        end_task(p, t);
    } else {
        t->phase = RESTING;
    }
}

static void take_finished(process *p) {
    CURLMsg *m;
    int left;
    while ((m = curl_multi_info_read(p->multi, &left)) != NULL) {
        if (m->msg != CURLMSG_DONE) {
            continue;
        }
        CURL *handle = m->easy_handle;
        CURLcode code = m->data.result;
        for (task *t = p->tasks; t != NULL; t = t->next) {
            if (t->handle == handle) {
                end_try(p, t, code);
                break;
            }
        }
    }
}

/* ---- questions ---- */

static bool is_same(const task *t, const si_origin_wanted *w) {
    return t->origin == w->origin && t->body == w->body &&
           t->candidate_count == w->candidate_count && strcmp(t->key, w->key) == 0 &&
           memcmp(t->candidates, w->candidates,
               (size_t)w->candidate_count * sizeof *t->candidates) == 0;
}

static task *new_task(process *p, const si_origin_wanted *w) {
    task *t = p->task_count < SI_ORIGINS_TASKS ? calloc(1, sizeof *t) : NULL, **end = &p->tasks;
    si_origin_request *request = t != NULL ? si_origin_request_new(w) : NULL;
    if (request == NULL) {
        free(t);
        return NULL;
    }
    t->origin = w->origin;
    t->request = request;
    t->body = w->body;
    t->candidate_count = w->candidate_count;
    memcpy(t->candidates, w->candidates, (size_t)w->candidate_count * sizeof *t->candidates);
    snprintf(t->key, sizeof t->key, "%s", w->key);
    while (*end != NULL) {
        end = &(*end)->next;
    }
    *end = t;
    p->task_count++;
    return t;
}

/* Puts somebody to a task, or tells them that there are too many. */
static void ask(process *p, const si_origin_wanted *wanted, const waiter *who) {
    task *t = p->tasks;
    while (t != NULL && !is_same(t, wanted)) {
        t = t->next;
    }
    t = t != NULL ? t : new_task(p, wanted);
    waiter *w = t != NULL ? malloc(sizeof *w) : NULL;
    if (w == NULL) {
        si_origin_outcome full = {.result = SI_ERR_IO};
        (void)si_fail(&full.diag, SI_ERR_IO, "too many originals are waited for");
        tell(p, who, &full, -1);
        return;
    }
    *w = *who;
    w->next = t->waiters;
    t->waiters = w;
}

/* A renderer's question, for the original of a path in a recipe. */
static void ask_for_original(process *p, const char *path, int socket) {
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
        si_question_reply(socket, &nothing, fd, LIFE);
        close(fd);
        close(socket);
        return;
    }
    const si_origin_wanted wanted = {origin, parts.key, as_it_is, 1, true};
    const waiter who = {.socket = socket, .version = parts.version};
    ask(p, &wanted, &who);
}

static void take_renderers_questions(process *p) {
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

static void ask_for_state(process *p, const si_origin_ask *q, const waiter *who) {
    const si_origin *origin = si_origins_find(&p->options->origins, si_str_of(q->origin));
    if (origin == NULL || origin->id != q->id) {
        si_origin_outcome other = {.result = SI_ERR_CONFIG};
        (void)si_fail(&other.diag, SI_ERR_CONFIG, "the source's settings are being changed");
        tell(p, who, &other, -1);
        return;
    }
    const si_origin_wanted wanted = {origin, q->key,
        (const char(*)[SI_ORIGIN_EXTENSION])q->candidates, q->candidate_count, false};
    ask(p, &wanted, who);
}

static void take_nginx_questions(process *p, int at) {
    connection *c = &p->connections[at];
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
        const waiter who = {
            .socket = -1, .connection = at, .serial = c->serial, .number = q.number};
        ask_for_state(p, &q, &who);
    }
}

static void accept_connections(process *p) {
    static unsigned serial;
    for (int i = 0; i < SI_ORIGINS_CONNECTIONS && p->listener >= 0; i++) {
        if (p->connections[i].socket >= 0) {
            continue;
        }
        int fd = accept4(p->listener, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
        if (fd < 0) {
            return;
        }
        p->connections[i] = (connection){fd, ++serial};
    }
}

/* A renderer has gone, and with it the question. */
static void forget_waiter(process *p, int socket) {
    for (task *t = p->tasks; t != NULL; t = t->next) {
        for (waiter **at = &t->waiters; *at != NULL; at = &(*at)->next) {
            waiter *w = *at;
            if (w->socket == socket) {
                *at = w->next;
                close(w->socket);
                free(w);
                if (t->waiters == NULL) {
                    free_task(p, t);
                }
                return;
            }
        }
    }
}

/* ---- the work ---- */

enum { WATCHED_MAX = 2 + SI_ORIGINS_CONNECTIONS + SI_ORIGINS_TASKS };

/* What is waited for: who may ask, and renderers that may go. */
static unsigned list_watched(const process *p, struct curl_waitfd *fds) {
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
    for (const task *t = p->tasks; t != NULL; t = t->next) {
        for (const waiter *w = t->waiters; w != NULL && n < WATCHED_MAX; w = w->next) {
            if (w->socket >= 0) {
                fds[n++] = (struct curl_waitfd){.fd = w->socket, .events = CURL_WAIT_POLLIN};
            }
        }
    }
    return n;
}

static int wait_ms(const process *p) {
    int64_t until = si_now_ns() + LONGEST_WAIT_MS * SI_MILLISECOND;
    for (const task *t = p->tasks; t != NULL; t = t->next) {
        if (t->phase == RESTING && t->at_ns < until && running(p, t) < t->origin->connections) {
            until = t->at_ns;
        }
    }
    return si_until_ms(until);
}

static bool is_waiter(const process *p, int fd) {
    for (const task *t = p->tasks; t != NULL; t = t->next) {
        for (const waiter *w = t->waiters; w != NULL; w = w->next) {
            if (w->socket == fd) {
                return true;
            }
        }
    }
    return false;
}

/* Waits, and takes what has come. False if nothing happened. */
static bool attend(process *p) {
    static struct curl_waitfd fds[WATCHED_MAX];
    unsigned n = list_watched(p, fds);
    int events = 0;
    if (curl_multi_poll(p->multi, fds, n, wait_ms(p), &events) != CURLM_OK) {
        _exit(1);
    }
    for (unsigned i = 0; i < n; i++) {
        /* nobody says anything on the sockets for answers but goodbye */
        if (fds[i].revents != 0 && is_waiter(p, fds[i].fd)) {
            forget_waiter(p, fds[i].fd);
        }
    }
    if (stopping) { /* what is asked from now on is for the next process */
        return events > 0;
    }
    accept_connections(p);
    for (int i = 0; i < SI_ORIGINS_CONNECTIONS; i++) {
        take_nginx_questions(p, i);
    }
    take_renderers_questions(p);
    return events > 0;
}

static bool is_connected(const process *p) {
    for (int i = 0; i < SI_ORIGINS_CONNECTIONS; i++) {
        if (p->connections[i].socket >= 0) {
            return true;
        }
    }
    return false;
}

static void work(process *p) {
    int64_t idle_since = si_now_ns();
    for (;;) {
        int ignored;
        start_tasks(p);
        curl_multi_perform(p->multi, &ignored);
        take_finished(p);
        int64_t now = si_now_ns();
        if (stopping && p->tasks == NULL) {
            return;
        }
        if (attend(p) || p->tasks != NULL || is_connected(p)) {
            idle_since = now;
        } else if (now - idle_since > SI_FETCHER_IDLE_MS * SI_MILLISECOND) {
            return;
        }
    }
}

/* ---- its start ---- */

static bool read_keys(process *p) {
    const si_origins *all = &p->options->origins;
    p->keys = calloc((size_t)all->count + 1, sizeof *p->keys);
    for (int i = 0; i < all->count && p->keys != NULL; i++) {
        const si_origin *o = all->items[i];
        si_diag diag = {0};
        si_result result = si_origin_keys_of(o, p->options->keys, &p->keys[i], &diag);
        if (result != SI_OK &&
            result != SI_ERR_UNSUPPORTED) { /* what needs them fails; the others work */
            dprintf(STDERR_FILENO, "smartimg: source %s: %s\n", o->name, diag.text);
            p->keys[i] = (si_origin_keys){.expires = 0};
        }
    }
    return p->keys != NULL;
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

static void open_cache(process *p) {
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
    static process p;
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
    bool confined = read_keys(&p) && si_keep_descriptors(kept, 3, false) && si_confine(&limits);
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
    work(&p);
    _exit(0);
}

int si_origins_listen(const char *path, si_diag *diag) {
    struct sockaddr_un a = {.sun_family = AF_UNIX};
    int fd = -1;
    mode_t mask = umask(0177);
    if (strlen(path) < sizeof a.sun_path) {
        snprintf(a.sun_path, sizeof a.sun_path, "%s", path);
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
