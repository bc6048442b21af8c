#include "codec/srgb.h"

#include <lcms2.h>
#include <stdlib.h>
#include <string.h>

enum { DATE_AT = 24, DATE_LEN = 12, ID_AT = 84, ID_LEN = 16, MAX_LEN = 16384 };

const void *si_srgb_profile(size_t *len) {
    static unsigned char bytes[MAX_LEN];
    static cmsUInt32Number used;
    if (used == 0) {
        cmsHPROFILE profile = cmsCreate_sRGBProfile();
        cmsUInt32Number need = 0;
        if (profile != NULL && cmsSaveProfileToMem(profile, NULL, &need) && need <= MAX_LEN &&
            cmsSaveProfileToMem(profile, bytes, &need)) {
            /* the time it was made must not tell equal replies apart */
            static const unsigned char date[DATE_LEN] = {0x07, 0xd0, 0, 1, 0, 1};
            memcpy(bytes + DATE_AT, date, DATE_LEN);
            memset(bytes + ID_AT, 0, ID_LEN);
            used = need;
        }
        if (profile != NULL) {
            cmsCloseProfile(profile);
        }
    }
    *len = used;
    return used > 0 ? bytes : NULL;
}
