#include "cli/report/report_worker.h"

#include <assert.h>
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/sanitize.h"
#include "catalog/origins.h"
#include "cli/report/report_picture.h"
#include "process/confine.h"
#include "quality/features.h"
#include "renderer/files.h"

enum { FILES_MAX = 128 }; /* originals, downloads and their connections */

typedef struct child {
    const si_report_work *work;
    int broker;
} child;

/* ---- confinement ---- */

/* Gives the next request its time, from now on. Both signals end the process: the parent knows what
 * they mean. */
static void set_time(int seconds) {
    if (seconds > 0) {
        (void)si_renew_cpu_limit(seconds); /* the alarm is there all the same */
    }
    alarm((unsigned)seconds);
}

static void reset_signals(void) {
    static const int usual[] = {SIGALRM, SIGXCPU, SIGTERM, SIGPIPE};
    sigset_t none;
    for (size_t i = 0; i < sizeof usual / sizeof *usual; i++) {
        signal(usual[i], SIG_DFL);
    }
    signal(SIGINT, SIG_IGN); /* of a terminal: the parent lets us finish */
    signal(SIGHUP, SIG_IGN);
    signal(SIGXFSZ, SIG_IGN); /* a write that fails is an error, not a crash */
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
}

/* What image libraries have to say would only tear the progress bar, hence no standard error. Root
 * is given up last, so that libraries may be loaded from anywhere. */
static void start(si_report_work *work, int *socket, int *broker, pid_t parent) {
    int *kept[] = {socket, broker, &work->spool};
    /* foreign images arrive in files in memory */
    si_confinement limits = {
        .memory = work->memory, .file_size = SI_FETCH_BYTES, .files = FILES_MAX};
    si_diag diag = {0};
    prctl(PR_SET_NAME, "smartimg-report", 0, 0, 0);
    if (!si_die_with(parent, SIGKILL)) {
        _exit(0);
    }
    if (!si_keep_descriptors(kept, sizeof kept / sizeof *kept, !SI_SANITIZED) ||
        !si_confine(&limits)) {
        _exit(SI_REPORT_NOT_STARTED);
    }
    reset_signals();
    if (si_render_start(&diag) != SI_OK || !si_give_up_root()) {
        _exit(SI_REPORT_NOT_STARTED);
    }
    if (!si_die_with(parent, SIGKILL)) {
        _exit(0);
    }
}

/* ---- one request ---- */

static void set_failure(si_report_result *r, const si_diag *diag) {
    si_answer a = {0};
    si_answer_error(diag, &a);
    (void)si_bytes_append(&a.body, "", 1);
    si_report_set_error(r, a.status, (const char *)a.body.data);
    si_answer_free(&a);
}

static si_result render(const child *c, const si_recipe *r, si_image *image, si_diag *diag) {
    static const si_render_limits defaults = {0};
    const si_origins known = si_catalog_origins(c->work->request->catalog);
    si_originals originals = {.broker = c->broker,
        .root = -1,
        .fetcher = -1,
        .origins = -1,
        .known = &known,
        .fetch = &c->work->request->fetch};
    si_files files = si_originals_files(&originals);
    si_result result = si_render(r, &files, &defaults, image, diag);
    si_originals_close(&originals);
    return result;
}

/* What the choice says, and what the pixels look like. */
static void describe(const si_image *image, const si_choice *c, si_report_result *r) {
    const si_candidate *asked = &c->candidates[c->requested], *sent = &c->candidates[c->winner];
    bool jpeg = asked->format == SI_FORMAT_JPEG;
    si_features features;
    si_features_measure(image, jpeg ? asked->bytes : 0, asked->params.quality,
        asked->params.chroma_full, &features);
    r->image = true;
    r->graphics = si_features_drawing(&features);
    r->full = c->complete;
    r->lossless = sent->params.lossless || sent->format == SI_FORMAT_PNG;
    r->requested = asked->format;
    r->sent = c->format;
    r->width = image->width;
    r->height = image->height;
    r->requested_bytes = (int64_t)asked->bytes;
    r->sent_bytes = (int64_t)c->body.len;
    r->target = c->target;
    r->score = c->score;
    snprintf(r->settings, sizeof r->settings, "%s", sent->settings);
}

/* Renders and chooses. The files go to `pictures`, as far as wanted. */
static si_result answer_image(const child *c, const si_recipe *r, bool want_requested,
    bool want_sent, si_report_result *result, si_report_picture pictures[2], si_diag *diag) {
    si_choose_options how = {.tier = c->work->request->fast ? SI_TIER_FAST : SI_TIER_BEST,
        .deadline_ns = si_now_ns() + c->work->timeout * SI_SECOND / 2};
    si_image image = {0};
    si_choice sent = {0}, asked = {0};
    if (render(c, r, &image, diag) == SI_OK && result != NULL &&
        si_choose(r, &image, &how, &sent, diag) == SI_OK) {
        describe(&image, &sent, result);
        if (want_sent) {
            pictures[SI_REPORT_SENT].format = sent.format;
            si_bytes_move(&pictures[SI_REPORT_SENT].file, &sent.body);
        }
    }
    if (diag->code == SI_OK && want_requested) {
        si_recipe plain = *r;
        plain.smart = false;
        plain.ladder_len = 0;
        if (si_choose(&plain, &image, NULL, &asked, diag) == SI_OK) {
            pictures[SI_REPORT_REQUESTED].format = asked.format;
            si_bytes_move(&pictures[SI_REPORT_REQUESTED].file, &asked.body);
        }
    }
    si_choice_free(&asked);
    si_choice_free(&sent);
    si_image_free(&image);
    return diag->code;
}

static void answer(const child *c, const si_recipe *recipe, double planned_ms, si_report_result *r,
    si_report_picture pictures[2]) {
    int64_t start = si_now_ns();
    si_diag diag = {0};
    *r = (si_report_result){.status = 200, .smart = recipe->smart, .target = NAN, .score = NAN};
    if (answer_image(c, recipe, false, c->work->want_sent, r, pictures, &diag) != SI_OK) {
        set_failure(r, &diag);
    }
    r->ms = planned_ms + (double)(si_now_ns() - start) / 1e6;
}

/* ---- pictures ---- */

/* The sent file, as the answer left it in the spool. */
static bool read_spool(const si_report_work *work, const si_report_row *row, si_report_picture *p) {
    if (work->spool < 0 || row->spool_len == 0) {
        return false;
    }
    size_t len = (size_t)row->spool_len;
    uint8_t *data = malloc(len);
    if (data == NULL || pread(work->spool, data, len, row->spool_at) != (ssize_t)len) {
        free(data);
        return false;
    }
    p->format = row->result.sent;
    p->file = (si_bytes){.data = data, .len = len, .cap = len};
    return true;
}

/* Both pictures, or none if anything fails: the row says what there is to say. */
static void show(const child *c, const si_recipe *recipe, const si_report_row *row,
    si_report_picture pictures[2]) {
    si_report_result again;
    si_diag diag = {0};
    bool have = read_spool(c->work, row, &pictures[SI_REPORT_SENT]);
    (void)!answer_image(c, recipe, true, !have, have ? NULL : &again, pictures, &diag);
    if (diag.code == SI_OK) {
        (void)!si_report_pictures_fit(pictures, &diag);
    }
    if (diag.code != SI_OK) {
        si_bytes_free(&pictures[0].file);
        si_bytes_free(&pictures[1].file);
    }
}

/* ---- jobs ---- */

void si_report_set_error(si_report_result *r, int status, const char *text) {
    r->status = status;
    snprintf(r->error, sizeof r->error, "%.*s", (int)strcspn(text, "\n"), text);
}

bool si_report_read_all(int fd, void *data, size_t len) {
    for (uint8_t *p = data; len > 0;) {
        ssize_t n = read(fd, p, len);
        if (n <= 0 && !(n < 0 && errno == EINTR)) {
            return false;
        }
        p += n > 0 ? n : 0;
        len -= n > 0 ? (size_t)n : 0;
    }
    return true;
}

bool si_report_write_all(int fd, const void *data, size_t len) {
    for (const uint8_t *p = data; len > 0;) {
        ssize_t n = send(fd, p, len, MSG_NOSIGNAL);
        if (n < 0 && errno != EINTR) {
            return false;
        }
        p += n > 0 ? n : 0;
        len -= n > 0 ? (size_t)n : 0;
    }
    return true;
}

static bool send_reply(int socket, const si_report_result *r, const si_report_picture pictures[2]) {
    si_report_reply reply;
    memset(&reply, 0, sizeof reply); /* padding goes over the wire, too */
    reply.result = *r;
    for (int i = 0; i < 2; i++) {
        reply.pictures[i].format = pictures[i].format;
        reply.pictures[i].reduced = pictures[i].reduced;
        reply.pictures[i].reencoded = pictures[i].reencoded;
        reply.pictures[i].len = pictures[i].file.len;
    }
    return si_report_write_all(socket, &reply, sizeof reply) &&
           si_report_write_all(socket, pictures[0].file.data, pictures[0].file.len) &&
           si_report_write_all(socket, pictures[1].file.data, pictures[1].file.len);
}

/* Does one job. */
static void work_on(const child *c, const si_report_question *q, const char *text,
    si_report_result *result, si_report_picture pictures[2]) {
    si_arena arena = {0};
    si_recipe recipe;
    si_diag diag = {0};
    si_str recipe_text = {text, (size_t)q->recipe_len};
    if (si_recipe_scan(recipe_text, &arena, &recipe, &diag) != SI_OK) {
        set_failure(result, &diag);
    } else if (q->job.kind == SI_REPORT_ANSWER) {
        answer(c, &recipe, q->ms, result, pictures);
    } else {
        show(c, &recipe, &c->work->list->rows[q->job.row], pictures);
    }
    si_arena_free(&arena);
}

static bool receive_question(int socket, si_report_question *q, char *text) {
    if (!si_report_read_all(socket, q, sizeof *q)) {
        return false;
    }
    assert(q->recipe_len > 0 && q->recipe_len <= SI_RECIPE_TEXT_MAX);
    return si_report_read_all(socket, text, (size_t)q->recipe_len);
}

_Noreturn void si_report_worker_run(
    const si_report_work *shared, int socket, int broker, pid_t parent) {
    static char text[SI_RECIPE_TEXT_MAX];
    si_report_work work = *shared;
    si_report_question q;
    start(&work, &socket, &broker, parent);
    child c = {&work, broker};
    while (receive_question(socket, &q, text)) {
        si_report_result result = {.target = NAN, .score = NAN};
        si_report_picture pictures[2] = {{0}, {0}};
        set_time(work.timeout);
        work_on(&c, &q, text, &result, pictures);
        bool sent = send_reply(socket, &result, pictures);
        set_time(0);
        si_bytes_free(&pictures[0].file);
        si_bytes_free(&pictures[1].file);
        if (!sent) {
            break;
        }
    }
    _exit(0); /* without flushing what the parent had buffered */
}
