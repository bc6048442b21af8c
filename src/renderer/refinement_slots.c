#include "renderer/refinement_slots.h"

#include <assert.h>
#include <fcntl.h>
#include <sys/resource.h>
#include <unistd.h>

enum { REFINE_NICE = 10 }; /* priority of refinements */

bool si_refinement_begin(int slots, int workers) {
    assert(workers > 0);
    int count = workers > 1 ? workers / 2 : 1;
    for (int i = 0; i < count; i++) {
        struct flock slot = {.l_type = F_WRLCK, .l_whence = SEEK_SET, .l_start = i, .l_len = 1};
        if (fcntl(slots, F_SETLK, &slot) == 0) {
            setpriority(PRIO_PROCESS, 0, REFINE_NICE);
            return true;
        }
    }
    return false;
}

bool si_refinement_end(int slots) {
    struct flock all = {.l_type = F_UNLCK, .l_whence = SEEK_SET};
    fcntl(slots, F_SETLK, &all);
    return setpriority(PRIO_PROCESS, 0, 0) == 0;
}
