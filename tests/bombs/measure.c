/* What bombs cost, for test_bombs.py:
 *
 *   measure-bombs ROOT < LIST
 *
 * LIST has a request a line, as `smartimg render` takes it. For each one line is printed, with tabs
 * between: the request, status ("signal N" if it crashed or was ended for its time), processor time
 * in ms, how much the resident memory of its process grew at most, in MB, and the text of an error.
 * The first request is answered once before all others, in this process, so that what libraries do
 * once is not counted; then each has a process of its own with the limits of a renderer, which
 * begins as a copy of this one.
 *
 * With a line "reference", its time is that of a fixed piece of work, for comparison. */
#include <signal.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/sanitize.h"
#include "base/str.h"
#include "cli/request.h"
#include "renderer/pool.h"

enum { REFERENCE = 50 * 1000 * 1000 };

/* What the requests of the command complain with. */
void si_complain(const char *fmt, ...) {
    va_list args;
    va_start(args, fmt);
    vfprintf(stderr, fmt, args);
    va_end(args);
    fputc('\n', stderr);
}

int si_complain_diag(const si_diag *diag) {
    si_complain("%s", diag->text);
    return SI_EXIT_FAILED;
}

void si_complain_mistake(void *context, const char *file, int line, const char *text) {
    (void)context;
    si_complain("%s:%d: %s", file, line, text);
}

static si_request_options options = {.fast = true};

/* What an answer tells its parent. */
typedef struct outcome {
    int status;
    long before_kb; /* resident memory */
    char text[300];
} outcome;

static void work_for_reference(void) {
    volatile uint32_t x = 1;
    for (int i = 0; i < REFERENCE; i++) {
        x = x * 1664525u + 1013904223u;
    }
}

static void answer(const char *url, outcome *o) {
    si_exchange x = {0};
    if (strcmp(url, "reference") == 0) {
        work_for_reference();
    } else if (si_exchange_make(&options, url, &x)) {
        o->status = x.answer.status;
        if (o->status != 200) {
            snprintf(o->text, sizeof o->text, "%.*s", (int)x.answer.body.len,
                (const char *)x.answer.body.data);
            o->text[strcspn(o->text, "\n")] = '\0';
        }
    }
    si_exchange_end(&x);
}

static long resident_kb(void) {
    long pages[2] = {0};
    FILE *f = fopen("/proc/self/statm", "r");
    if (f == NULL || fscanf(f, "%ld %ld", &pages[0], &pages[1]) != 2) {
        pages[1] = 0;
    }
    if (f != NULL) {
        fclose(f);
    }
    return pages[1] * (sysconf(_SC_PAGESIZE) / 1024);
}

static void answer_apart(const char *url) {
    int ends[2];
    outcome o = {0};
    struct rusage used = {0};
    int status = 0;
    if (pipe(ends) != 0) {
        exit(2);
    }
    pid_t child = fork();
    if (child == 0) {
        struct rlimit room = {SI_POOL_MEMORY, SI_POOL_MEMORY};
        if (!SI_SANITIZED) {
            setrlimit(RLIMIT_AS, &room);
            room = (struct rlimit){SI_POOL_CPU_SECONDS, SI_POOL_CPU_SECONDS + 1};
            setrlimit(RLIMIT_CPU, &room);
        }
        long before = resident_kb();
        answer(url, &o);
        o.before_kb = before;
        _exit(write(ends[1], &o, sizeof o) == sizeof o ? 0 : 2);
    }
    close(ends[1]);
    bool told = read(ends[0], &o, sizeof o) == sizeof o;
    close(ends[0]);
    wait4(child, &status, 0, &used);
    double ms = (double)(used.ru_utime.tv_sec + used.ru_stime.tv_sec) * 1e3 +
                (double)(used.ru_utime.tv_usec + used.ru_stime.tv_usec) / 1e3;
    long grown = used.ru_maxrss - o.before_kb;
    printf("%s\t", url);
    if (told) {
        printf("%d", o.status);
    } else {
        printf("signal %d", WIFSIGNALED(status) ? WTERMSIG(status) : 0);
    }
    printf("\t%.1f\t%.1f\t%s\n", ms, grown > 0 ? (double)grown / 1024 : 0.0, o.text);
    fflush(stdout);
}

int main(int argc, char **argv) {
    si_diag diag = {0};
    char line[4096];
    bool first = true;
    if (argc != 2 || si_render_start(&diag) != SI_OK) {
        fprintf(stderr, "usage: measure-bombs ROOT < LIST\n%s\n", diag.text);
        return 2;
    }
    options.root = argv[1];
    while (fgets(line, sizeof line, stdin) != NULL) {
        line[strcspn(line, "\n")] = '\0';
        if (first) {
            outcome o = {0};
            answer(line, &o);
            first = false;
        }
        answer_apart(line);
    }
    return 0;
}
