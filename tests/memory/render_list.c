/* Answers many requests without a server, for test_memory.py:
 *
 *   render-list ROOT CONFIG [here] < LIST
 *
 * LIST has a request a line, as `smartimg render` takes it, such as /is/image/demo/night?wid=60.
 * For each one line is printed: the request, a tab, and the status, type, length, hash of the body
 * and, of an error, its text; or "signal N" if answering it crashed, "late" if it took SECONDS, or
 * the processor time that renderers have. Each is answered in a process of its own, which has the
 * address space of a renderer; with `here` all are in this one, without limits, and the request
 * goes to stderr before its answer is made.
 *
 * A line "fresh N" prints the hash of N bytes that nobody wrote: what must differ where
 * allocators fill memory differently. A line "decide N" branches on such a byte: what
 * valgrind must report. */
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

enum { SECONDS = 600 };

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

static si_request_options options = {.accept = "image/avif,image/webp,image/jxl", .fast = true};

static uint64_t hash_of(const uint8_t *data, size_t len) { /* FNV-1a */
    uint64_t h = UINT64_C(0xcbf29ce484222325);
    for (size_t i = 0; i < len; i++) {
        h = (h ^ data[i]) * UINT64_C(0x100000001b3);
    }
    return h;
}

/* What uninitialized memory looks like in this process. */
static void show_fresh(size_t len, bool decide) {
    uint8_t *volatile block = malloc(len > 0 ? len : 1);
    if (block == NULL) {
        printf("no memory\n");
    } else if (decide) {
        printf("%s\n", block[len / 2] > 7 ? "more" : "less");
    } else {
        printf("%016llx\n", (unsigned long long)hash_of(block, len));
    }
    free(block);
}

static void answer(const char *url) {
    unsigned long len;
    if (sscanf(url, "fresh %lu", &len) == 1) {
        show_fresh(len, false);
        return;
    }
    if (sscanf(url, "decide %lu", &len) == 1) {
        show_fresh(len, true);
        return;
    }
    si_exchange x = {0};
    if (!si_exchange_make(&options, url, &x)) {
        printf("no answer\n");
    } else {
        const si_answer *a = &x.answer;
        printf("%d %s %zu %016llx", a->status, a->content_type, a->body.len,
            (unsigned long long)hash_of(a->body.data, a->body.len));
        if (a->status != 200) {
            si_str text = si_str_trim((si_str){(const char *)a->body.data, a->body.len});
            printf(" %.*s", SI_STR_ARG(text));
        }
        putchar('\n');
    }
    si_exchange_end(&x);
}

static void answer_apart(const char *url) {
    fflush(stdout);
    pid_t child = fork();
    if (child == 0) {
        if (!SI_SANITIZED) {
            struct rlimit room = {SI_POOL_MEMORY, SI_POOL_MEMORY};
            setrlimit(RLIMIT_AS, &room);
            room = (struct rlimit){SI_POOL_CPU_SECONDS, SI_POOL_CPU_SECONDS + 1};
            setrlimit(RLIMIT_CPU, &room);
        }
        alarm(SECONDS);
        answer(url);
        fflush(stdout);
        _exit(0);
    }
    int status = 0;
    if (child < 0 || waitpid(child, &status, 0) != child) {
        printf("no process\n");
    } else if (WIFSIGNALED(status) &&
               (WTERMSIG(status) == SIGALRM || WTERMSIG(status) == SIGXCPU)) {
        printf("late\n");
    } else if (status != 0) {
        printf("%s %d\n", WIFSIGNALED(status) ? "signal" : "status",
            WIFSIGNALED(status) ? WTERMSIG(status) : WEXITSTATUS(status));
    }
}

int main(int argc, char **argv) {
    bool here = argc == 4 && strcmp(argv[3], "here") == 0;
    si_diag diag = {0};
    if ((argc != 3 && !here) || si_render_start(&diag) != SI_OK) {
        fprintf(stderr, "usage: render-list ROOT CONFIG [here] < LIST\n%s\n", diag.text);
        return 2;
    }
    options.root = argv[1];
    options.config = argv[2];
    char line[4096];
    while (fgets(line, sizeof line, stdin) != NULL) {
        line[strcspn(line, "\n")] = '\0';
        printf("%s\t", line);
        if (here) {
            fflush(stdout);
            fprintf(stderr, "request %s\n", line);
            answer(line);
        } else {
            answer_apart(line);
        }
    }
    return 0;
}
