/* smartimg warm: fills the cache of a running server. */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "cli/cache_claim.h"
#include "cli/ready_probe.h"
#include "cli/report/report_list.h"
#include "cli/report/report_progress.h"
#include "cli/server_options.h"
#include "cli/warm/warm_ask.h"
#include "cli/warm/warm_queue.h"

enum {
    LOOK_SECONDS = 2,    /* between two looks at a first answer */
    BACKOFF_SECONDS = 1, /* before a second try, and twice as long before each that follows */
    BACKOFF_SECONDS_MAX = 60,
    WAIT_MS = 200, /* until the progress is shown again */
    TYPES_MAX = 24
};

static const char *server, *failed_path;
static int rate, parallel, tries, refined_seconds;
static si_warm_classes classes;
static si_option_parsed class_list = {si_warm_classes_read, &classes};

static volatile sig_atomic_t interrupted;

typedef struct type_count {
    char name[64];
    long count;
} type_count;

typedef struct warming {
    si_report_list list;
    const char **urls; /* of the list, those asked for most first */
    si_warm_queue queue;
    si_warm_asker *asker;
    si_report_progress progress;
    FILE *failed_file;
    si_warm_job **firsts; /* answered, and to be looked at again */
    int first_count, first_room;
    long answered, failed, again, refined, unrefined, by_cache[SI_WARM_CACHE_COUNT];
    int64_t bytes, saved;
    type_count types[TYPES_MAX];
    bool no_memory;
} warming;

/* ---- what became of requests ---- */

static void count_type(warming *w, const char *name) {
    for (int i = 0; i < TYPES_MAX; i++) {
        if (w->types[i].count == 0) {
            snprintf(w->types[i].name, sizeof w->types[i].name, "%s", name);
        }
        if (strcmp(w->types[i].name, name) == 0) {
            w->types[i].count++;
            return;
        }
    }
}

static void count_progress(warming *w, const si_warm_reply *r) {
    si_report_result result = {.status = r->status != 0 ? r->status : 1,
        .image = r->saved != 0,
        .requested_bytes = r->bytes + r->saved,
        .sent_bytes = r->bytes};
    si_report_progress_add(&w->progress, &result);
}

static void note_failure(warming *w, const si_warm_job *job, const si_warm_reply *r) {
    char status[16] = "no answer";
    if (r->status != 0) {
        snprintf(status, sizeof status, "%d", r->status);
    }
    si_report_progress_clear(&w->progress);
    si_complain("%s as %s: %s%s%s", job->url, classes.items[job->class].name, status,
        r->error[0] != '\0' ? ": " : "", r->error);
    w->failed++;
    if (w->failed_file != NULL) {
        fprintf(w->failed_file, "%s\n", job->url);
    }
}

/* Keeps the job of a first answer for later looks. */
static void keep_first(warming *w, si_warm_job *job) {
    if (w->first_count == w->first_room) {
        int room = w->first_room * 2 + 64;
        si_warm_job **more = realloc(w->firsts, (size_t)room * sizeof *more);
        w->no_memory |= more == NULL;
        if (more == NULL) {
            free(job);
            return;
        }
        w->firsts = more;
        w->first_room = room;
    }
    job->look = true;
    w->firsts[w->first_count++] = job;
}

static void put_back(warming *w, si_warm_job *job, int seconds) {
    job->at_ns = si_now_ns() + seconds * SI_SECOND;
    if (!si_warm_queue_again(&w->queue, job)) {
        w->no_memory = true;
        free(job);
    }
}

/* Seconds until the next try. */
static int wait_of(const si_warm_job *job, const si_warm_reply *r) {
    int shift = job->tries < 7 ? job->tries - 1 : 6, usual = BACKOFF_SECONDS << shift;
    return r->retry_after > 0            ? r->retry_after
           : usual < BACKOFF_SECONDS_MAX ? usual
                                         : BACKOFF_SECONDS_MAX;
}

/* Whether it makes sense to ask once more: the server has too much to do, or is not there. */
static bool may_pass(const si_warm_reply *r) {
    return r->status == 0 || r->status == 502 || r->status == 503 || r->status == 504;
}

static void take_reply(warming *w, si_warm_job *job, const si_warm_reply *r) {
    if (may_pass(r) && job->tries < tries && !interrupted) {
        w->again++;
        put_back(w, job, wait_of(job, r));
        return;
    }
    count_progress(w, r);
    if (r->status != 200) {
        note_failure(w, job, r);
        free(job);
        return;
    }
    w->answered++;
    w->bytes += r->bytes;
    w->saved += r->saved;
    count_type(w, r->type);
    if (r->cache < SI_WARM_CACHE_COUNT) {
        w->by_cache[r->cache]++;
    }
    if (r->first) {
        keep_first(w, job);
    } else {
        free(job);
    }
}

/* A look at a first answer. What fails meanwhile is looked at again, too. */
static void take_look(warming *w, si_warm_job *job, const si_warm_reply *r) {
    if (r->status == 200 && !r->first) {
        si_report_progress_add(&w->progress, &(si_report_result){.status = 200});
        w->refined++;
        free(job);
    } else {
        put_back(w, job, LOOK_SECONDS);
    }
}

/* ---- asking ---- */

static int wait_ms(const warming *w) {
    int64_t when =
        si_warm_asker_free_slots(w->asker) > 0 ? si_warm_queue_when(&w->queue) : INT64_MAX;
    int ms = when < INT64_MAX ? si_until_ms(when) : WAIT_MS;
    return ms < WAIT_MS ? ms : WAIT_MS;
}

/* Starts what may be started, and takes what has ended. */
static void turn(warming *w) {
    si_warm_reply reply;
    si_warm_job *job;
    while (!interrupted && !w->no_memory && si_warm_asker_free_slots(w->asker) > 0 &&
           (job = si_warm_queue_take(&w->queue, si_now_ns(), &w->no_memory)) != NULL) {
        if (!si_warm_asker_start(w->asker, job)) {
            w->no_memory = true;
            free(job);
        }
    }
    while ((job = si_warm_asker_done(w->asker, &reply)) != NULL) {
        (job->look ? take_look : take_reply)(w, job, &reply);
    }
    si_report_progress_show(&w->progress);
}

/* Until nothing is left, or the time is over. */
static void ask_all(warming *w, int64_t until_ns) {
    for (;;) {
        turn(w);
        bool left = si_warm_queue_when(&w->queue) < INT64_MAX && !interrupted;
        if ((!left && si_warm_asker_busy(w->asker) == 0) || w->no_memory ||
            si_now_ns() >= until_ns) {
            break;
        }
        si_warm_asker_wait(w->asker, wait_ms(w));
    }
    si_report_progress_end(&w->progress);
}

static void look_for_refined(warming *w) {
    int count = w->first_count;
    w->first_count = 0;
    si_report_progress_start(&w->progress, "refined", NULL, count);
    for (int i = 0; i < count; i++) {
        put_back(w, w->firsts[i], 0);
    }
    ask_all(w, si_now_ns() + refined_seconds * SI_SECOND);
    w->unrefined = count - w->refined;
}

/* ---- the list ---- */

static int by_requests(const void *a, const void *b) {
    const si_report_row *x = *(const si_report_row *const *)a,
                        *y = *(const si_report_row *const *)b;
    return x->requests != y->requests ? (x->requests < y->requests ? 1 : -1)
                                      : (x > y) - (x < y); /* the order of the list */
}

/* The addresses, by how often the list has them. False without memory. */
static bool order_urls(warming *w) {
    int count = w->list.count;
    const si_report_row **rows = calloc((size_t)count + 1, sizeof *rows);
    w->urls = calloc((size_t)count + 1, sizeof *w->urls);
    for (int i = 0; rows != NULL && i < count; i++) {
        rows[i] = &w->list.rows[i];
    }
    if (rows != NULL && w->urls != NULL) {
        qsort(rows, (size_t)count, sizeof *rows, by_requests);
        for (int i = 0; i < count; i++) {
            w->urls[i] = rows[i]->url;
        }
    }
    free(rows);
    return rows != NULL && w->urls != NULL;
}

static bool read_lists(warming *w, char **paths, int count) {
    si_diag diag = {0};
    for (int i = 0; i < count; i++) {
        if (si_report_list_read(&w->list, paths[i], "", &diag) != SI_OK) {
            si_complain_diag(&diag);
            return false;
        }
    }
    if (w->list.unreadable > 0) {
        si_complain(
            "%ld lines are neither an address nor a line of an access log, and are left out",
            w->list.unreadable);
    }
    if (w->list.count == 0) {
        si_complain("there is nothing to ask for");
        return false;
    }
    if (!order_urls(w)) {
        si_complain("out of memory");
        return false;
    }
    return true;
}

/* ---- the server ---- */

/* scheme://host:port of the server, in the arena; NULL, with a complaint, if it is no address. */
static const char *find_origin(si_arena *arena) {
    char address[300];
    si_cache_server usual;
    if (server == NULL) {
        bool known = si_cache_server_usual(arena, &usual) && usual.listen != NULL;
        const char *listen = known ? usual.listen : SI_USUAL_LISTEN;
        return si_arena_printf(arena, "http://%s", si_typed_address(listen, address));
    }
    size_t scheme = strncmp(server, "http://", 7) == 0    ? 7
                    : strncmp(server, "https://", 8) == 0 ? 8
                                                          : 0;
    size_t host = strcspn(server + scheme, "/?#");
    bool alone = server[scheme + host] == '\0' || strcmp(server + scheme + host, "/") == 0;
    if (host == 0 || !alone) {
        si_complain("--server takes ADDR:PORT, or http:// or https:// in front of it");
        return NULL;
    }
    return si_arena_printf(
        arena, "%s%.*s", scheme == 0 ? "http://" : "", (int)(scheme + host), server);
}

/* ---- the summary ---- */

static void print_count(const char *what, long count, const char **between) {
    if (count > 0) {
        printf("%s%s %ld", *between, what, count);
        *between = ", ";
    }
}

static void print_summary(const warming *w) {
    static const char *const words[] = {
#define X(word) #word,
        SI_WARM_CACHE(X)
#undef X
    };
    const char *between = "";
    printf("answered  %ld of %ld: %d addresses, %d classes\n", w->answered,
        (long)w->list.count * classes.count, w->list.count, classes.count);
    printf("cache     ");
    for (int i = 0; i < SI_WARM_CACHE_COUNT; i++) {
        print_count(words[i], w->by_cache[i], &between);
    }
    printf("\ntypes     ");
    between = "";
    for (int i = 0; i < TYPES_MAX; i++) {
        print_count(w->types[i].name, w->types[i].count, &between);
    }
    int64_t asked_for = w->bytes + w->saved;
    printf("\nbytes     %lld, %.1f %% less than asked for\n", (long long)w->bytes,
        asked_for > 0 ? 100.0 * (double)w->saved / (double)asked_for : 0.0);
    long firsts = refined_seconds > 0 ? w->refined + w->unrefined : w->first_count;
    printf("first     %ld", firsts);
    if (refined_seconds > 0) {
        printf(", of which refined %ld", w->refined);
    }
    printf("\nagain     %ld\nfailed    %ld\n", w->again, w->failed);
}

/* ---- the command ---- */

static void on_signal(int number) {
    (void)number;
    interrupted = 1;
}

static void catch_signals(void) {
    struct sigaction action = {.sa_handler = on_signal, .sa_flags = SA_RESETHAND};
    sigaction(SIGINT, &action, NULL);
    sigaction(SIGTERM, &action, NULL);
}

static bool open_failed_file(warming *w) {
    w->failed_file = failed_path != NULL ? fopen(failed_path, "we") : NULL;
    if (failed_path != NULL && w->failed_file == NULL) {
        si_complain("cannot write %s: %s", failed_path, strerror(errno));
        return false;
    }
    return true;
}

/* Whether all failed addresses are in their file. */
static bool close_failed_file(warming *w) {
    FILE *file = w->failed_file;
    bool bad = file != NULL && (ferror(file) != 0 || fclose(file) != 0);
    w->failed_file = NULL;
    if (bad) {
        si_complain("cannot write %s", failed_path);
    }
    return !bad;
}

static int warm(warming *w, const char *origin) {
    if (!open_failed_file(w) ||
        (w->asker = si_warm_asker_new(origin, &classes, parallel)) == NULL) {
        return SI_EXIT_FAILED;
    }
    catch_signals();
    si_warm_queue_init(&w->queue, w->urls, w->list.count, classes.count, rate);
    si_report_progress_start(&w->progress, "warm", NULL, w->list.count * classes.count);
    ask_all(w, INT64_MAX);
    if (refined_seconds > 0 && !interrupted) {
        look_for_refined(w);
    }
    print_summary(w);
    if (w->no_memory) {
        si_complain("out of memory");
    } else if (interrupted) {
        si_complain("interrupted");
    }
    bool written = close_failed_file(w);
    return w->failed == 0 && w->unrefined == 0 && !interrupted && !w->no_memory && written
               ? SI_EXIT_OK
               : SI_EXIT_FAILED;
}

static int run(char **operands, int count) {
    warming w = {.answered = 0};
    si_arena arena = {0};
    const char *origin = find_origin(&arena);
    int status = origin == NULL                     ? SI_EXIT_USAGE
                 : !read_lists(&w, operands, count) ? SI_EXIT_FAILED
                                                    : warm(&w, origin);
    si_warm_asker_free(w.asker);
    si_warm_queue_free(&w.queue);
    for (int i = 0; i < w.first_count; i++) {
        free(w.firsts[i]);
    }
    free(w.firsts);
    free(w.urls);
    si_report_list_free(&w.list);
    si_arena_free(&arena);
    return status;
}

#define USUAL_CLASSES "avif+webp,avif+jxl+webp,webp,plain"

#define ROWS(X)                                                                                    \
    X("server", TEXT, "ADDR:PORT", server, NULL,                                                   \
        "the server of the cache folder that `smartimg serve` has unless told otherwise, "         \
        "or " SI_USUAL_LISTEN,                                                                     \
        0, 0, "", "The server to ask; http:// or https:// may stand in front.")                    \
    X("classes", PARSED, "CLASS,...", class_list, NULL, USUAL_CLASSES, 0, 0, "",                   \
        "Classes of clients to ask as, as the access log has them: plain, or formats with + "      \
        "between them, of avif, jxl, webp, jp2 and jxr, and ;dpr=2 behind for a pixel ratio. "     \
        "Browsers of today are avif+webp (Chrome, Firefox, Edge) and avif+jxl+webp (Safari).")     \
    X("rate", COUNT, "N", rate, 10, NULL, 0, 100000, "requests a second",                          \
        "How many requests are begun in a second at most; 0: any number.")                         \
    X("parallel", COUNT, "N", parallel, 2, NULL, 1, 256, "",                                       \
        "How many requests are under way at a time at most.")                                      \
    X("tries", COUNT, "N", tries, 5, NULL, 1, 1000, "",                                            \
        "How often an address is asked for that is not answered, or with 502, 503 or 504: after "  \
        "as many seconds as Retry-After says, else after 1, 2, 4 and so on, up to 60.")            \
    X("refined", COUNT, "SECONDS", refined_seconds, 0, NULL, 0, 604800, "seconds",                 \
        "For how long first answers are waited for to be refined, once all are there; 0: not.")    \
    X("failed", TEXT, "FILE", failed_path, NULL, "none", 0, 0, "",                                 \
        "File to write the addresses to that failed, each as often as it did, as a list for "      \
        "another `smartimg warm`.")

static const si_option options[] = {ROWS(SI_OPTION_ROW){0}};
static const si_initial initial[] = {ROWS(SI_INITIAL_ROW)};

static int run_with_classes(char **operands, int count) {
    if (classes.count == 0) {
        (void)si_warm_classes_read(USUAL_CLASSES, &classes);
    }
    return run(operands, count);
}

const si_command si_command_warm = {
    .name = "warm",
    .summary = "fills the cache of a running server",
    .synopsis = "URL-FILE... [OPTION]...",
    .description =
        "Asks a running server for each address of the lists as a client of each class, so that "
        "its cache has the answers before visitors ask for them. Scheme and host of addresses do "
        "not count. A list has an address a line, or is an access log, of which requests for "
        "images count that were answered: those asked for most come first. Empty lines and "
        "comments that begin with # are left out.\n"
        "\n"
        "A progress bar is shown on a terminal, or now and then a line on standard error. Each "
        "address that fails is told there at once, a summary on standard output at the end.\n"
        "\n"
        "First answers are refined by the server while it has nothing else to do; --refined waits "
        "for that, and asks for each with HEAD every other second.",
    .exit_status = " 0  all addresses were answered, and refined if that was to be waited for\n"
                   " 1  some were not, or there is nothing to ask for\n 2  wrong usage",
    .examples = " smartimg warm urls.txt --rate 50 --parallel 8\n"
                " smartimg warm /var/log/smartimg/access-127.0.0.1-8080.log --classes avif+webp",
    .options = options,
    .initial = initial,
    .operands_min = 1,
    .operands_max = 100,
    .run = run_with_classes,
};
