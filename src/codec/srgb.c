#include "codec/srgb.h"

#include "codec/profile.h"

const void *si_srgb_profile(size_t *len) {
    static si_bytes profile;
    if (profile.data == NULL &&
        si_profile_make(si_icc_space_by_name("sRGB", 4), &profile, NULL) != SI_OK) {
        *len = 0;
        return NULL;
    }
    *len = profile.len;
    return profile.data;
}
