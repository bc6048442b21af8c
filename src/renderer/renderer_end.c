#include "renderer/renderer_end.h"

#include <signal.h>
#include <sys/wait.h>

#include "renderer/worker.h"

/* Of a signal that ended a renderer, after its last reply or before. */
static si_renderer_end end_of_signal(int signal_number) {
    switch (signal_number) {
    case SIGALRM:
        return SI_RENDERER_END_WALL;
    case SIGXCPU:
        return SI_RENDERER_END_CPU;
    case SIGSYS:
        return SI_RENDERER_END_SECCOMP;
    case SIGSEGV:
    case SIGBUS:
    case SIGABRT:
    case SIGFPE:
    case SIGILL:
    case SIGTRAP:
        return SI_RENDERER_END_CRASH;
    default:
        return SI_RENDERER_END_SIGNAL;
    }
}

si_renderer_end si_renderer_end_of(int status, bool killed) {
    if (WIFSIGNALED(status)) {
        return killed ? SI_RENDERER_END_OVERDUE : end_of_signal(WTERMSIG(status));
    }
    int code = WEXITSTATUS(status);
    if (code > SI_WORKER_CUT_SHORT && code < SI_WORKER_CUT_SHORT + 65) {
        return end_of_signal(code - SI_WORKER_CUT_SHORT);
    }
    switch (code) {
    case 0:
        return SI_RENDERER_END_ORDERLY;
    case SI_WORKER_NOT_STARTED:
        return SI_RENDERER_END_START;
    case SI_WORKER_NO_MEMORY:
        return SI_RENDERER_END_MEMORY;
    default:
        return SI_RENDERER_END_STATUS;
    }
}
