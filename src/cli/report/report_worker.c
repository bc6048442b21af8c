#include "cli/report/report_worker.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/sanitize.h"
#include "cli/report/report_picture.h"
#include "quality/features.h"
#include "renderer/files.h"

/* ---- confinement ---- */

static void limit(int resource, int64_t soft) {
    struct rlimit now;
    if (getrlimit(resource, &now) == 0) {
        bool lower = now.rlim_max == RLIM_INFINITY || (rlim_t)soft < now.rlim_max;
        now.rlim_cur = lower ? (rlim_t)soft : now.rlim_max;
        setrlimit(resource, &now);
    }
}

/* Gives the next request its time, from now on. Both signals end the process: the parent knows what
 * they mean. */
static void set_time(int seconds) {
    struct rusage used;
    if (seconds > 0 && getrusage(RUSAGE_SELF, &used) == 0) {
        limit(RLIMIT_CPU, used.ru_utime.tv_sec + used.ru_stime.tv_sec + 1 + seconds);
    }
    alarm((unsigned)seconds);
}

/* Keeps standard descriptors, the socket as 3 and the spool as 4. What image libraries have to say
 * would only tear the progress bar. */
static void keep_only(int *socket, int *spool) {
    int null = open("/dev/null", O_RDWR | O_CLOEXEC);
    int a = fcntl(*socket, F_DUPFD_CLOEXEC, 10);
    int b = *spool >= 0 ? fcntl(*spool, F_DUPFD_CLOEXEC, 10) : -1;
    if (null < 0 || a < 0 || dup2(null, STDIN_FILENO) < 0 || dup2(null, STDOUT_FILENO) < 0 ||
        (!SI_SANITIZED && dup2(null, STDERR_FILENO) < 0) || dup3(a, 3, O_CLOEXEC) < 0 ||
        (b >= 0 && dup3(b, 4, O_CLOEXEC) < 0)) {
        _exit(SI_REPORT_NOT_STARTED);
    }
    *socket = 3;
    *spool = b >= 0 ? 4 : -1;
    if (syscall(SYS_close_range, b >= 0 ? 5u : 4u, ~0u, 0u) != 0) {
        for (int fd = b >= 0 ? 5 : 4; fd < 4096; fd++) {
            close(fd);
        }
    }
}

static void confine(const si_report_work *work) {
    static const int usual[] = {SIGALRM, SIGXCPU, SIGTERM, SIGPIPE};
    for (size_t i = 0; i < sizeof usual / sizeof *usual; i++) {
        signal(usual[i], SIG_DFL);
    }
    signal(SIGINT, SIG_IGN); /* of a terminal: the parent lets us finish */
    signal(SIGHUP, SIG_IGN);
    sigset_t none;
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
    prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
    limit(RLIMIT_CORE, 0);
    if (!SI_SANITIZED) { /* whose shadow memory is terabytes of address space, and reports are files
                          */
        limit(RLIMIT_AS, work->memory);
        limit(RLIMIT_FSIZE, SI_FETCH_BYTES); /* those arrive in files in memory */
    }
}

/* ---- one request ---- */

static void set_error(si_report_result *r, int status, const char *text) {
    r->status = status;
    snprintf(r->error, sizeof r->error, "%.*s", (int)strcspn(text, "\n"), text);
}

static void set_failure(si_report_result *r, const si_diag *diag) {
    si_answer a = {0};
    si_answer_error(diag, &a);
    (void)si_bytes_append(&a.body, "", 1);
    set_error(r, a.status, (const char *)a.body.data);
    si_answer_free(&a);
}

static si_result render(
    const si_report_work *work, const si_recipe *r, si_image *image, si_diag *diag) {
    static const si_render_limits defaults = {0};
    si_originals originals = {.broker = -1,
        .root = open(work->request->root, O_RDONLY | O_DIRECTORY | O_CLOEXEC),
        .fetch = &work->request->fetch};
    if (originals.root < 0) {
        return si_fail(diag, SI_ERR_IO, "cannot open the root folder: %s", strerror(errno));
    }
    si_files files = si_originals_files(&originals);
    si_result result = si_render(r, &files, &defaults, image, diag);
    si_originals_close(&originals);
    close(originals.root);
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
static si_result answer_image(const si_report_work *work, const si_recipe *r, bool want_requested,
    bool want_sent, si_report_result *result, si_report_picture pictures[2], si_diag *diag) {
    si_choose_options how = {.refined = !work->request->fast,
        .deadline_ns = si_now_ns() + work->timeout * SI_SECOND / 2};
    si_image image = {0};
    si_choice sent = {0}, asked = {0};
    if (render(work, r, &image, diag) == SI_OK && result != NULL &&
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

static void answer(const si_report_work *work, const si_report_row *row, si_report_result *r,
    si_report_picture pictures[2]) {
    int64_t start = si_now_ns();
    si_exchange x = {0};
    si_request_options plan = *work->request;
    si_diag diag = {0};
    plan.plan_only = true;
    *r = (si_report_result){.status = 200, .target = NAN, .score = NAN};
    if (!si_exchange_make(&plan, row->url, &x)) {
        set_error(r, 500, "the request cannot be planned");
    } else if (!x.planned) {
        (void)si_bytes_append(&x.answer.body, "", 1);
        set_error(r, x.answer.status, (const char *)x.answer.body.data);
    } else if (x.plan.body == NULL && x.plan.recipe.req == SI_REQ_IMG) {
        r->smart = x.plan.recipe.smart;
        if (answer_image(work, &x.plan.recipe, false, work->want_sent, r, pictures, &diag) !=
            SI_OK) {
            set_failure(r, &diag);
        }
    }
    r->ms = (double)(si_now_ns() - start) / 1e6;
    si_exchange_end(&x);
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
static void show(
    const si_report_work *work, const si_report_row *row, si_report_picture pictures[2]) {
    si_exchange x = {0};
    si_request_options plan = *work->request;
    si_diag diag = {0};
    plan.plan_only = true;
    if (si_exchange_make(&plan, row->url, &x) && x.planned) {
        bool have = read_spool(work, row, &pictures[SI_REPORT_SENT]);
        si_report_result again;
        (void)!answer_image(
            work, &x.plan.recipe, true, !have, have ? NULL : &again, pictures, &diag);
        if (diag.code == SI_OK) {
            (void)!si_report_pictures_fit(pictures, &diag);
        }
    }
    if (diag.code != SI_OK) {
        si_bytes_free(&pictures[0].file);
        si_bytes_free(&pictures[1].file);
    }
    si_exchange_end(&x);
}

/* ---- jobs ---- */

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

_Noreturn void si_report_worker_run(const si_report_work *shared, int socket, pid_t parent) {
    si_report_work work = *shared;
    si_report_job job;
    si_diag diag = {0};
    prctl(PR_SET_NAME, "smartimg-report", 0, 0, 0);
    prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
    if (getppid() != parent) {
        _exit(0); /* it died before we asked to die with it */
    }
    keep_only(&socket, &work.spool);
    confine(&work);
    if (si_render_start(&diag) != SI_OK) {
        _exit(SI_REPORT_NOT_STARTED);
    }
    while (si_report_read_all(socket, &job, sizeof job)) {
        const si_report_row *row = &work.list->rows[job.row];
        si_report_result result = {0};
        si_report_picture pictures[2] = {{0}, {0}};
        set_time(work.timeout);
        if (job.kind == SI_REPORT_ANSWER) {
            answer(&work, row, &result, pictures);
        } else {
            show(&work, row, pictures);
        }
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
