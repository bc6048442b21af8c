/* Every allocation fails in turn while one small request for each format of replies is answered
 * (the idea of dav1d's tests/libfuzzer/alloc_fail):
 *
 *   alloc-fail ROOT [WORD...]    only formats whose name holds a word
 *
 * ROOT has the original demo/logo.png. A request without memory has to end in a reply or in an
 * error with a text, and must not crash; under the address sanitizer it must not leak. The linker
 * wraps the allocations (meson.build), which reaches those of our own objects only: what libraries
 * do without memory is theirs, and libc's own (strdup) are let be.
 *
 * Each format has a process of its own. Prints one line for it and ends with "N passed, N failed";
 * the exit code says whether any failed. */
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/sanitize.h"
#include "cli/request.h"

enum { SECONDS = 1200 };

static const char *const formats[] = {"jpg", "pjpeg", "png", "png-alpha", "png8", "gif-alpha",
    "webp-alpha", "avif-alpha", "jxl-alpha", "jpeg2000-alpha", "jpegxr-alpha", "tif-alpha", "heic",
    "pdf", "eps", "jpg&bfc=on",
    "png&layer=1&src=demo/night&size=9,9&rotate=20&opac=50&effect=-1&op_blur=2&color=255,0,0"};

/* ---- the allocations ---- */

static atomic_long made;     /* since the last reset */
static atomic_long fails_at; /* the number of the one that fails, from 1; 0 = none */

static bool fails(void) {
    return atomic_fetch_add(&made, 1) + 1 == atomic_load(&fails_at);
}

/* The linker's names; no header has them. */
void *__real_malloc(size_t size);
void *__real_calloc(size_t count, size_t size);
void *__real_realloc(void *block, size_t size);
void *__real_aligned_alloc(size_t alignment, size_t size);
int __real_posix_memalign(void **out, size_t alignment, size_t size);
void *__wrap_malloc(size_t size);
void *__wrap_calloc(size_t count, size_t size);
void *__wrap_realloc(void *block, size_t size);
void *__wrap_aligned_alloc(size_t alignment, size_t size);
int __wrap_posix_memalign(void **out, size_t alignment, size_t size);

void *__wrap_malloc(size_t size) {
    return fails() ? NULL : __real_malloc(size);
}

void *__wrap_calloc(size_t count, size_t size) {
    return fails() ? NULL : __real_calloc(count, size);
}

void *__wrap_realloc(void *block, size_t size) {
    return fails() ? NULL : __real_realloc(block, size);
}

void *__wrap_aligned_alloc(size_t alignment, size_t size) {
    return fails() ? NULL : __real_aligned_alloc(alignment, size);
}

int __wrap_posix_memalign(void **out, size_t alignment, size_t size) {
    return fails() ? 12 /* ENOMEM */ : __real_posix_memalign(out, alignment, size);
}

/* ---- what requests complain with ---- */

static char complaint[400];

void si_complain(const char *fmt, ...) {
    va_list args;
    va_start(args, fmt);
    vsnprintf(complaint, sizeof complaint, fmt, args);
    va_end(args);
}

int si_complain_diag(const si_diag *diag) {
    si_complain("%s", diag->text);
    return SI_EXIT_FAILED;
}

void si_complain_mistake(void *context, const char *file, int line, const char *text) {
    (void)context;
    si_complain("%s:%d: %s", file, line, text);
}

/* ---- a format ---- */

static si_request_options options = {.accept = "image/avif,image/webp,image/jxl", .fast = true};

/* What a process tells its parent. */
typedef struct outcome {
    long allocations, at; /* of a request with memory; the one that fails now */
    long refused;         /* requests that ended in an error */
    bool done;
} outcome;

/* Answers with the allocation `at` failing. False if that is not how to end. */
static bool try_without(const char *url, long at, outcome *o) {
    si_exchange x = {0};
    complaint[0] = '\0';
    o->at = at;
    atomic_store(&fails_at, at);
    atomic_store(&made, 0);
    bool answered = si_exchange_make(&options, url, &x);
    bool good = answered ? x.answer.body.len > 0 : complaint[0] != '\0';
    bool refused = !answered || x.answer.status != 200;
    si_exchange_end(&x);
    atomic_store(&fails_at, 0);
    o->refused += refused;
    return good && (at > 0 || !refused);
}

static int try_format(const char *url, outcome *o) {
    /* what is allocated once in a process is no leak and need not fail again */
    if (!try_without(url, 0, o) || !try_without(url, 0, o)) {
        printf("%s: cannot be answered: %s\n", url, complaint);
        return EXIT_FAILURE;
    }
    o->allocations = atomic_load(&made);
    for (long at = 1; at <= o->allocations; at++) {
        if (!try_without(url, at, o)) {
            printf("%s: ends without a word when allocation %ld fails\n", url, at);
            return EXIT_FAILURE;
        }
    }
    o->done = true;
    return EXIT_SUCCESS;
}

static bool try_apart(const char *format, outcome *o) {
    char url[200];
    int status = 0;
    memset(o, 0, sizeof *o);
    snprintf(url, sizeof url, "/is/image/demo/logo?wid=16&hei=16&fmt=%s", format);
    fflush(stdout);
    pid_t child = fork();
    if (child == 0) {
        alarm(SECONDS);
        exit(try_format(url, o)); /* where the sanitizer looks for leaks */
    }
    if (child < 0 || waitpid(child, &status, 0) != child) {
        printf("no process\n");
        return false;
    }
    if (WIFSIGNALED(status)) {
        printf("%s: signal %d when allocation %ld fails\n", url, WTERMSIG(status), o->at);
    } else if (status != 0) {
        printf("%s: exit code %d at allocation %ld of %ld\n", url, WEXITSTATUS(status), o->at,
            o->allocations);
    }
    printf("%-16.16s %5ld allocations, %5ld errors\n", format, o->allocations, o->refused);
    return status == 0 && o->done;
}

static bool wanted(const char *format, int count, char **words) {
    bool found = count == 0;
    for (int i = 0; i < count; i++) {
        found = found || strstr(format, words[i]) != NULL;
    }
    return found;
}

int main(int argc, char **argv) {
    si_diag diag = {0};
    si_catalog *catalog;
    outcome *o = mmap(NULL, sizeof *o, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (argc < 2 || o == MAP_FAILED || si_render_start(&diag) != SI_OK ||
        si_catalog_load(NULL, argv[1], NULL, NULL, &catalog, &diag) != SI_OK) {
        fprintf(stderr, "usage: alloc-fail ROOT [WORD...]\n%s\n", diag.text);
        return 2;
    }
    options.root = argv[1];
    options.catalog = catalog;
    int passed = 0, failed = 0;
    for (size_t i = 0; i < sizeof formats / sizeof *formats; i++) {
        if (wanted(formats[i], argc - 2, argv + 2)) {
            bool good = try_apart(formats[i], o);
            passed += good;
            failed += !good;
        }
    }
    si_catalog_free(catalog);
    printf("%d passed, %d failed\n", passed, failed);
    return failed > 0 || passed == 0;
}
