#include "renderer/refinement_slots.h"

#include <assert.h>
#include <fcntl.h>
#include <sys/resource.h>
#include <unistd.h>

static bool held; /* by this process */
static int usual_nice;

int si_refinement_slot_count(int workers) {
    assert(workers > 0);
    int others = workers / 2 > 1 ? workers / 2 : 1;
    return workers > others ? workers - others : 1;
}

bool si_refinement_slot_take(int slots, int workers) {
    int count = si_refinement_slot_count(workers);
    for (int i = 0; i < count && !held; i++) {
        struct flock slot = {.l_type = F_WRLCK, .l_whence = SEEK_SET, .l_start = i, .l_len = 1};
        held = fcntl(slots, F_SETLK, &slot) == 0;
    }
    return held;
}

bool si_refinement_slot_is_free(int slots, int workers) {
    int count = si_refinement_slot_count(workers);
    for (int i = 0; i < count; i++) {
        struct flock slot = {.l_type = F_WRLCK, .l_whence = SEEK_SET, .l_start = i, .l_len = 1};
        if (fcntl(slots, F_GETLK, &slot) == 0 && slot.l_type == F_UNLCK) {
            return true;
        }
    }
    return false;
}

void si_refinement_slot_release(int slots) {
    struct flock all = {.l_type = F_UNLCK, .l_whence = SEEK_SET};
    if (held) {
        fcntl(slots, F_SETLK, &all);
        held = false;
    }
}

bool si_refinement_begin(int slots, int workers) {
    if (!si_refinement_slot_take(slots, workers)) {
        return false;
    }
    usual_nice = getpriority(PRIO_PROCESS, 0);
    setpriority(PRIO_PROCESS, 0, usual_nice + SI_REFINE_NICE);
    return true;
}

bool si_refinement_end(void) {
    return setpriority(PRIO_PROCESS, 0, usual_nice) == 0;
}
