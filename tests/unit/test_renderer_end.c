/* Why a renderer ended, by its wait status. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <signal.h>

#include "renderer/renderer_end.h"
#include "renderer/worker.h"

/* As waitpid() has them on Linux. */
#define EXITED(code) ((code) << 8)
#define SIGNALED(number) (number)
#define DUMPED(number) ((number) | 0x80)

static void test_ends(void **state) {
    (void)state;
    static const struct {
        int status;
        bool killed;
        si_renderer_end end;
    } rows[] = {
        {EXITED(0), false, SI_RENDERER_END_ORDERLY},
        {EXITED(SI_WORKER_NOT_STARTED), false, SI_RENDERER_END_START},
        {EXITED(SI_WORKER_NO_MEMORY), false, SI_RENDERER_END_MEMORY},
        {EXITED(1), false, SI_RENDERER_END_STATUS},
        {EXITED(SI_WORKER_CUT_SHORT), false, SI_RENDERER_END_STATUS},
        {EXITED(SI_WORKER_CUT_SHORT + SIGALRM), false, SI_RENDERER_END_WALL},
        {EXITED(SI_WORKER_CUT_SHORT + SIGXCPU), false, SI_RENDERER_END_CPU},
        {EXITED(SI_WORKER_CUT_SHORT + SIGSEGV), false, SI_RENDERER_END_CRASH},
        {EXITED(SI_WORKER_CUT_SHORT + SIGABRT), false, SI_RENDERER_END_CRASH},
        {EXITED(SI_WORKER_CUT_SHORT + SIGSYS), false, SI_RENDERER_END_SECCOMP},
        {SIGNALED(SIGSYS), false, SI_RENDERER_END_SECCOMP},
        {DUMPED(SIGSYS), false, SI_RENDERER_END_SECCOMP},
        {DUMPED(SIGSEGV), false, SI_RENDERER_END_CRASH},
        {SIGNALED(SIGKILL), false, SI_RENDERER_END_SIGNAL},
        {SIGNALED(SIGTERM), false, SI_RENDERER_END_SIGNAL},
        {SIGNALED(SIGKILL), true, SI_RENDERER_END_OVERDUE},
        {EXITED(0), true, SI_RENDERER_END_ORDERLY}, /* it was faster than the pool's signal */
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        assert_int_equal(si_renderer_end_of(rows[i].status, rows[i].killed), rows[i].end);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_ends)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
