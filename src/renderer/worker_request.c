#include "renderer/worker_request.h"

#include <assert.h>
#include <poll.h>
#include <signal.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/wire.h"
#include "picture/checksum.h"
#include "process/confine.h"
#include "renderer/answer.h"
#include "renderer/explanation.h"
#include "renderer/files.h"
#include "renderer/last_reply.h"
#include "renderer/load.h"
#include "renderer/refinement_slots.h"
#include "renderer/scgi.h"
#include "source/broker.h"
#include "source/fetcher.h"

/* How long the edge keeps a reply, seconds. A recipe names the state of its file, so a reply never
 * goes stale; the edge knows which ones may be refined. */
#define KEEP 31536000

/* An answer in the making. */
typedef struct task {
    si_worker *worker;
    const si_scgi_request *request;
    int connection;
    bool refine;
    int64_t start_ns;
    int64_t lying_ms;   /* of lying_ms() */
    int64_t waited_ms;  /* in the queue, for a worker; 0 = not known */
    int64_t queue_us;   /* the same, and before its downloads, if it had any */
    int64_t source_us;  /* that these took */
    int64_t crowded_ns; /* since when a refinement has seen others wait; 0 = they do not */
    int wall_ms;
    const si_recipe *recipe; /* once it has been read */
    si_originals originals;
} task;

static void set_alarm(int ms) {
    struct itimerval t = {.it_value = {ms / 1000, ms % 1000 * 1000}};
    setitimer(ITIMER_REAL, &t, NULL);
}

/* ---- replies ---- */

/* Fills the head up so that the body begins with a page of the edge's cache file, where sendfile()
 * is fastest. The edge hides the line. */
static bool pad_head(si_bytes *head, size_t head_at) {
    enum { PAGE = 4096 };
    static const char name[] = SI_HEADER_PADDING ": ", end[] = "\r\n";
    size_t line = sizeof name - 1 + sizeof end - 1;
    size_t rest = (head_at + head->len + line + 2) % PAGE; /* 2: the empty line */
    char zeros[PAGE];
    memset(zeros, '0', sizeof zeros);
    return si_bytes_append(head, name, sizeof name - 1) &&
           si_bytes_append(head, zeros, rest > 0 ? PAGE - rest : 0) &&
           si_bytes_append(head, end, sizeof end - 1);
}

/* An answer that a better one can be had for: a first one, or a refined one that is not the best.
 */
static bool can_be_refined(const si_answer *a) {
    return a->status == 200 && a->smart && !a->choice.complete;
}

/* The head of a reply, with what is for the edge alone: how long to keep it, until when clients
 * may, and which tier it has reached if there is a better one. */
static bool write_head(const si_answer *a, long keep, size_t head_at, si_bytes *head) {
    char more[700];
    int n = snprintf(more, sizeof more, SI_HEADER_KEEP ": %ld\r\n", a->status == 200 ? keep : 0);
    if (a->status == 200 && a->foreign) {
        n += snprintf(more + n, sizeof more - (size_t)n, SI_HEADER_FRESH_UNTIL ": %lld\r\n",
            (long long)a->fresh_until);
    }
    if (can_be_refined(a)) {
        n += snprintf(more + n, sizeof more - (size_t)n, SI_HEADER_FIRST_ANSWER ": %s\r\n",
            si_tier_name(a->choice.tier));
    }
    if (a->status == 200 && keep > 0) {
        char sum[SI_CHECKSUM_TEXT];
        n += snprintf(more + n, sizeof more - (size_t)n, SI_HEADER_SUM ": %s\r\n",
            si_checksum_print(si_checksum(a->body.data, a->body.len), sum));
    }
    if (a->changed) {
        n += snprintf(more + n, sizeof more - (size_t)n, SI_HEADER_CHANGED ": 1\r\n");
    }
    if (a->retry_after > 0) {
        n +=
            snprintf(more + n, sizeof more - (size_t)n, SI_HEADER_RETRY ": %d\r\n", a->retry_after);
    }
    if (a->load != SI_LOAD_IDLE) {
        n += snprintf(
            more + n, sizeof more - (size_t)n, SI_HEADER_LOAD ": %s\r\n", si_load_name(a->load));
    }
    if (a->smart && a->status == 200) {
        n += snprintf(more + n, sizeof more - (size_t)n, SI_HEADER_ENCODINGS ": %d\r\n",
            a->choice.candidate_count);
    }
    if (a->service_us > 0) {
        n += snprintf(more + n, sizeof more - (size_t)n, SI_HEADER_SERVICE ": %lld %lld\r\n",
            (long long)a->service_us, (long long)a->least_us);
    }
    char stages[SI_STAGES_TEXT];
    n += snprintf(more + n, sizeof more - (size_t)n, SI_HEADER_STAGES ": %s\r\n",
        si_stages_print(&a->stages, stages));
    assert(n < (int)sizeof more);
    return si_answer_headers(a, head) && si_bytes_append(head, more, (size_t)n) &&
           (a->status != 200 || head_at == 0 || pad_head(head, head_at)) &&
           si_bytes_append(head, "\r\n", 2);
}

/* Sends the reply. From its first byte on no other may follow, so the last reply is given up. */
static void reply(
    const si_worker *w, int connection, const si_answer *a, long keep, size_t head_at) {
    int64_t deadline = si_now_ns() + SI_WORKER_WRITE_MS * SI_MILLISECOND;
    si_bytes head = {0};
    assert(!a->cancelled);
    bool whole = write_head(a, keep, head_at, &head);
    set_alarm(0);
    atomic_store(&w->slot->kill_at_ns, deadline + SI_WORKER_KILL_SLACK_MS * SI_MILLISECOND);
    if (!whole) {
        raise(SIGABRT); /* no memory for a line of text: the reply of a crash needs none */
    }
    if (si_last_reply_claim(connection) &&
        si_scgi_write(connection, deadline, head.data, head.len, NULL) == SI_OK) {
        /* a client that has gone away is no failure of ours */
        (void)!si_scgi_write(connection, deadline, a->body.data, a->body.len, NULL);
    }
    si_bytes_free(&head);
}

static void reply_error(const si_worker *w, int connection, const si_diag *diag) {
    si_answer a = {0};
    si_answer_error(diag, &a);
    reply(w, connection, &a, 0, 0);
    si_answer_free(&a);
}

static long keep_seconds(const si_answer *a) {
    int64_t fresh = a->foreign ? a->fresh_until - time(NULL) : KEEP;
    return fresh >= KEEP ? KEEP : fresh > 0 ? (long)fresh : 0;
}

/* ---- answers ---- */

/* For how long the edge keeps an answer: a file that was replaced on the way is answered for with
 * what is there, but not kept. */
static long keep_answer(task *t, si_answer *a) {
    a->changed = t->originals.changed;
    a->foreign = t->originals.foreign;
    a->fresh_until = t->originals.fresh_until;
    return si_originals_unchanged(&t->originals, t->recipe) ? keep_seconds(a) : 0;
}

/* What is shown in the answer's place, if anything is (the playground). */
static void show(task *t, si_answer *a) {
    const si_explained x = {.client = t->request->client,
        .recipe = t->request->recipe,
        .answer = a,
        .total_ms = (double)(si_now_ns() - t->start_ns) / 1e6};
    si_answer_show(a, t->request->show, &x, t->worker->options->reply_bytes);
}

/* Adds what this worker alone knows of the answer's time. */
static void set_stages(const task *t, si_answer *a) {
    a->stages.us[SI_STAGE_QUEUE] = t->queue_us;
    a->stages.us[SI_STAGE_SOURCE] += t->source_us;
}

/* Puts the answer that the search has so far where it is found if time runs out. */
static void keep_best(void *context, const si_answer *so_far) {
    task *t = context;
    si_answer a = *so_far;
    si_bytes head = {0};
    set_stages(t, &a);
    if (write_head(&a, keep_answer(t, &a), t->request->head_at, &head)) {
        si_last_reply_keep(head.data, head.len, a.body.data, a.body.len);
    } /* else the one before has to do */
    si_bytes_free(&head);
}

static int fetch_ms(const task *t) {
    const si_pool_options *o = t->worker->options;
    int ms = o->origin_ms > o->fetch.timeout_ms ? o->origin_ms : o->fetch.timeout_ms;
    return ms + SI_FETCHER_SLACK_MS;
}

/* True if the edge has closed the connection: nobody waits for the answer. The edge does so once
 * the client has gone and nobody else waits for the same render. */
static bool peer_gone(void *context) {
    const task *t = context;
    struct pollfd p = {.fd = t->connection, .events = POLLRDHUP};
    return poll(&p, 1, 0) > 0 && (p.revents & (POLLRDHUP | POLLHUP | POLLERR)) != 0;
}

/* True if first answers stand in the queue that this worker could take. */
static bool others_wait(const si_worker *w) {
    struct pollfd p[] = {{.fd = w->listeners[SI_LANE_CHEAP], .events = POLLIN},
        {.fd = w->listeners[SI_LANE_DEAR], .events = POLLIN},
        {.fd = w->listeners[SI_LANE_FOREIGN], .events = POLLIN},
        {.fd = w->fetched, .events = POLLIN}};
    if (poll(p, 4, 0) <= 0) {
        return false;
    }
    return p[0].revents != 0 || p[3].revents != 0 || w->lane != SI_LANE_CHEAP ||
           si_refinement_slot_is_free(w->refinement_slots, w->options->workers);
}

/* The step that this answer has to take now. */
static si_load load_now(void *context) {
    task *t = context;
    bool crowded = others_wait(t->worker);
    if (!t->refine) {
        si_load_facts f = {crowded, t->waited_ms, t->worker->options->queue_ms};
        return si_load_level(&f);
    }
    int64_t now = si_now_ns();
    t->crowded_ns = !crowded ? 0 : t->crowded_ns != 0 ? t->crowded_ns : now;
    return crowded && now - t->crowded_ns > SI_LOAD_YIELD_MS * SI_MILLISECOND ? SI_LOAD_REFINEMENT
                                                                              : SI_LOAD_IDLE;
}

/* Gives a request that has to download something the time for that on top. */
static void allow_for_downloads(void *context) {
    const task *t = context;
    struct itimerval left;
    atomic_fetch_add(&t->worker->slot->kill_at_ns, fetch_ms(t) * SI_MILLISECOND);
    if (getitimer(ITIMER_REAL, &left) == 0) {
        set_alarm((int)(left.it_value.tv_sec * 1000 + left.it_value.tv_usec / 1000) + fetch_ms(t));
    }
}

/* Makes and sends the answer. Half of the wall time is for the search; the encoding that it ends
 * with has the other half. */
static void answer_recipe(task *t) {
    si_worker *w = t->worker;
    t->originals = (si_originals){.broker = w->broker,
        .fetcher = w->fetcher,
        .fetch = &w->options->fetch,
        .origins = w->origins,
        .origin_ms = w->options->origin_ms,
        .recipe = t->recipe,
        .recipe_text = t->request->recipe,
        .seal = t->request->seal,
        .trace = t->request->trace,
        .client = &t->connection,
        .before_fetch = allow_for_downloads,
        .context = t};
    if (w->handed_over) {
        si_downloaded_put(&w->downloaded, t->recipe, &t->originals);
    }
    si_answer_options how = {.limits = w->options->limits,
        .deadline_ns = t->start_ns + t->wall_ms * SI_MILLISECOND / 2,
        .waited_ns = &t->originals.waited_ns,
        .source_ns = &t->originals.source_ns,
        .max_bytes = w->options->reply_bytes,
        .tier = t->request->tier,
        .load = load_now,
        .cancelled = peer_gone,
        .on_best = t->request->show == SI_SHOW_REPLY ? keep_best : NULL,
        .context = t};
    si_answer a = {0};
    si_files files = si_originals_files(&t->originals);
    si_answer_make(t->recipe, &files, &how, &a);
    if (a.status == 503 && t->originals.silent) {
        a.retry_after = SI_RETRY_SECONDS;
    }
    set_stages(t, &a);
    if (!t->refine) {
        bool dear = w->lane == SI_LANE_DEAR || w->lane == SI_LANE_FOREIGN;
        int at_a_time = dear ? si_refinement_slot_count(w->options->workers) : w->options->workers;
        int64_t took_us = (si_now_ns() - t->start_ns) / 1000;
        a.service_us = took_us / at_a_time;
        a.least_us = (took_us - a.search_us) / at_a_time;
    }
    if (a.cancelled) { /* the connection just ends, so that nothing can be taken for an answer */
        atomic_fetch_add(&w->slot->dropped, 1);
        (void)si_last_reply_claim(t->connection);
    } else {
        show(t, &a);
        reply(w, t->connection, &a, keep_answer(t, &a), t->request->head_at);
    }
    si_last_reply_forget();
    si_originals_close(&t->originals);
    si_answer_free(&a);
}

/* The reply to a refinement that cannot be made now: a 304, by which the edge keeps what it has and
 * asks again later. */
static void reply_deferred(const task *t) {
    static const char head[] = "Status: 304 Not Modified\r\n\r\n";
    int64_t deadline = si_now_ns() + SI_WORKER_WRITE_MS * SI_MILLISECOND;
    atomic_fetch_add(&t->worker->slot->deferred, 1);
    if (si_last_reply_claim(t->connection)) {
        (void)!si_scgi_write(t->connection, deadline, head, sizeof head - 1, NULL);
    }
}

/* Allows a task so much wall time from its start. */
static void allow_ms(task *t, int ms) {
    t->wall_ms = ms;
    atomic_store(&t->worker->slot->kill_at_ns,
        t->start_ns + (ms + SI_WORKER_KILL_SLACK_MS) * SI_MILLISECOND);
    set_alarm(ms);
}

/* Takes a refinement slot for a refinement. Without one, what the edge has is as good as what could
 * be made now, and false says that it has been told so. */
static bool begin_refinement(task *t) {
    const si_worker *w = t->worker;
    if (!si_tier_is_refined(t->request->tier)) {
        return true;
    }
    t->refine = si_refinement_begin(w->refinement_slots, w->options->workers);
    if (!t->refine) {
        reply_deferred(t);
        return false;
    }
    allow_ms(t, w->options->wall_ms * SI_WORKER_REFINE_PATIENCE);
    return true;
}

static void answer(task *t) {
    si_arena arena = {0};
    si_recipe recipe;
    si_diag diag = {0};
    if (si_recipe_scan(t->request->recipe, &arena, &recipe, &diag) == SI_OK) {
        t->recipe = &recipe;
        if (begin_refinement(t)) {
            answer_recipe(t);
        }
    } else {
        reply_error(t->worker, t->connection, &diag);
    }
    si_arena_free(&arena);
}

/* True if the request came from another machine, or might have. */
static bool is_remote(int connection) {
    int domain = 0;
    socklen_t len = sizeof domain;
    return getsockopt(connection, SOL_SOCKET, SO_DOMAIN, &domain, &len) != 0 || domain != AF_UNIX;
}

/* How long a request has waited for a worker; 0 = not known. Clocks of other machines say nothing:
 * there, it is since when it lies here, as it comes at once with its connection. One with downloads
 * has waited for them between two waits, of which only the second is for a worker. */
static void measure_wait(task *t) {
    const si_downloaded *d = &t->worker->downloaded;
    bool downloaded = t->worker->handed_over, remote = is_remote(t->connection);
    int64_t at = remote ? 0 : t->request->queued_at_ns;
    int64_t from = downloaded ? d->ended_ns : at;
    if (downloaded) {
        t->source_us = (d->ended_ns - d->began_ns) / 1000;
    } else if (remote && t->lying_ms > 0) {
        from = t->start_ns - t->lying_ms * SI_MILLISECOND;
    }
    if (from == 0 || from > t->start_ns) {
        return;
    }
    t->waited_ms = (t->start_ns - from) / SI_MILLISECOND;
    t->queue_us = (t->start_ns - from) / 1000;
    if (downloaded && at != 0 && at < d->began_ns) {
        t->queue_us += (d->began_ns - at) / 1000;
    }
}

/* For how long the first bytes of a request over TCP have been here; 0 for others. To be called
 * before they are read. */
static int64_t lying_ms(int connection) {
    struct tcp_info info = {0};
    socklen_t len = sizeof info;
    bool told = getsockopt(connection, IPPROTO_TCP, TCP_INFO, &info, &len) == 0 &&
                len >= offsetof(struct tcp_info, tcpi_last_data_recv) + sizeof(uint32_t);
    return told ? info.tcpi_last_data_recv : 0;
}

/* Refuses what has not the seal that this pool wants. False if it has. */
static bool refuse_unsealed(const task *t) {
    const si_pool_options *o = t->worker->options;
    si_diag diag = {0};
    if (!o->check_seals ||
        si_seal_check(o->render_key, t->request->recipe, t->request->render_seal)) {
        return false;
    }
    (void)si_fail(&diag, SI_ERR_FORBIDDEN, "the renderer has another key of seals than the server");
    reply_error(t->worker, t->connection, &diag);
    return true;
}

/* Answers a request that has waited for a worker for too long; so the queue never is much longer
 * than that. False if it has not. */
static bool refuse_late(task *t) {
    const si_worker *w = t->worker;
    if (t->waited_ms <= w->options->queue_ms) {
        return false;
    }
    si_answer a = {0};
    si_diag diag = {0};
    (void)si_fail(&diag, SI_ERR_TIMEOUT, "too many requests wait for a renderer");
    si_answer_error(&diag, &a);
    a.retry_after = SI_RETRY_SECONDS;
    a.load = SI_LOAD_REFUSED;
    set_stages(t, &a);
    atomic_fetch_add(&w->slot->late, 1);
    show(t, &a);
    reply(w, t->connection, &a, 0, 0);
    si_answer_free(&a);
    return true;
}

/* Answers whether this renderer, and the broker behind it, can work: the root folder is there, and
 * is no image. */
static void answer_ping(const task *t) {
    si_diag diag = {0};
    si_answer a = {0};
    int fd = si_broker_open(t->worker->broker, ".", &diag);
    if (fd >= 0) {
        close(fd);
    }
    if (diag.code != SI_ERR_NOT_FOUND) {
        si_answer_error(&diag, &a);
        reply(t->worker, t->connection, &a, 0, 0);
        si_answer_free(&a);
        return;
    }
    static const char text[] =
        "Status: 200 OK\r\nContent-Type: text/plain; charset=utf-8\r\n\r\nready\n";
    if (si_last_reply_claim(t->connection)) {
        int64_t deadline = si_now_ns() + SI_WORKER_WRITE_MS * SI_MILLISECOND;
        (void)!si_scgi_write(t->connection, deadline, text, sizeof text - 1, NULL);
    }
}

/* Answers a request that has arrived whole, within its time. As si_worker_serve(). */
static bool serve_request(
    si_worker *w, int connection, int64_t lying, const si_scgi_request *request) {
    task t = {.worker = w,
        .request = request,
        .connection = connection,
        .lying_ms = lying,
        .start_ns = si_now_ns()};
    if (peer_gone(&t)) { /* while the request stood in the queue */
        atomic_fetch_add(&w->slot->dropped, 1);
        return true;
    }
    if (request->ping) {
        allow_ms(&t, w->options->wall_ms);
        answer_ping(&t);
        set_alarm(0);
        return true;
    }
    measure_wait(&t);
    if (refuse_unsealed(&t) || refuse_late(&t)) {
        return true;
    }
    snprintf(w->slot->id, sizeof w->slot->id, "%.*s", SI_STR_ARG(request->id));
    snprintf(w->slot->recipe, sizeof w->slot->recipe, "%.*s", SI_STR_ARG(request->recipe));
    (void)si_renew_cpu_limit(w->options->cpu_seconds); /* the alarm is there all the same */
    allow_ms(&t, w->options->wall_ms);
    answer(&t);
    set_alarm(0);
    return !t.refine || si_refinement_end();
}

/* Reads a request, or takes the one that was read already. */
static si_result read_request(
    si_worker *w, int connection, int64_t read_by, si_scgi_request *request, si_diag *diag) {
    static char buffer[SI_SCGI_LIMIT];
    const si_downloaded *d = &w->downloaded;
    if (!w->handed_over) {
        return si_scgi_read(connection, read_by, buffer, request, diag);
    }
    return si_scgi_parse(d->head, d->head_len, request, diag);
}

bool si_worker_serve(si_worker *w, int connection) {
    int64_t read_by = si_now_ns() + SI_WORKER_READ_MS * SI_MILLISECOND;
    si_scgi_request request;
    si_diag diag = {0};
    bool good = true;
    atomic_store(&w->slot->kill_at_ns, read_by + SI_WORKER_KILL_SLACK_MS * SI_MILLISECOND);
    int64_t lying = !w->handed_over ? lying_ms(connection) : 0;
    si_result result = read_request(w, connection, read_by, &request, &diag);
    si_last_reply_owe(connection);
    if (result == SI_OK) {
        good = serve_request(w, connection, lying, &request);
    } else if (result != SI_ERR_IO) { /* else there is nobody to tell */
        reply_error(w, connection, &diag);
    }
    (void)si_last_reply_claim(connection);
    if (w->handed_over) {
        si_downloaded_close_images(&w->downloaded);
    }
    si_scgi_close(connection, result != SI_OK); /* whoever sends nonsense may be sending more */
    w->slot->recipe[0] = w->slot->id[0] = '\0';
    atomic_store(&w->slot->kill_at_ns, 0);
    return good;
}
