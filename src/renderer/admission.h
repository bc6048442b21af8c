/* Which questions the fetcher and the origins process answer: those for images that a recipe of the
 * front side names. */
#ifndef SI_RENDERER_ADMISSION_H
#define SI_RENDERER_ADMISSION_H

#include <stdbool.h>
#include <stdint.h>

#include "picture/seal.h"
#include "source/fetcher.h"

typedef struct si_admission {
    bool sealed; /* false: all are answered, as there is no key */
    uint8_t key[SI_SEAL_KEY];
} si_admission;

/* Takes the key from a file (−1 = none). False with errno set if it has none. */
bool si_admission_read(int key_file, si_admission *out);

/* Makes the key of seals for renderers of the key in a file, in a process of its own: the latter
 * never is in this one's memory. False with errno set. */
bool si_admission_render_key(int key_file, uint8_t out[SI_SEAL_KEY]);

/* An si_fetcher_guard, with an si_admission: true if the question has the seal of its recipe, and
 * the recipe needs the image. A recipe is parsed only if its seal is right. */
bool si_admission_admits(void *admission, const si_fetcher_question *question);

#endif
