/* Seals: by which the fetcher of foreign images knows that a recipe is the front side's, and not
 * of a renderer that a hostile image has taken over.
 *
 * A seal is HMAC-SHA256 (RFC 2104) over a recipe's canonical text, as 64 hex digits. The key is
 * known to nginx and to the fetcher alone: it never is in the memory of a renderer.
 *
 * Renderers that are asked over TCP render what has a seal by another key only, which is made from
 * the first and may be in their memory: with it, one that was taken over could have others render,
 * which it cannot reach, but nothing downloaded. */
#ifndef SI_PICTURE_SEAL_H
#define SI_PICTURE_SEAL_H

#include <stdbool.h>
#include <stdint.h>

#include "base/str.h"

enum {
    SI_SEAL_KEY = 32,         /* bytes of a key */
    SI_SEAL_TEXT = 2 * 32 + 1 /* of a seal, with its NUL */
};

/* Makes the key of seals for renderers from that for the fetcher. False if there is no memory. */
bool si_seal_render_key(const uint8_t key[SI_SEAL_KEY], uint8_t out[SI_SEAL_KEY]);

/* Writes the seal of a recipe. False if there is no memory for it. */
bool si_seal_print(const uint8_t key[SI_SEAL_KEY], si_str recipe, char out[SI_SEAL_TEXT]);

/* True if `seal` is that of the recipe; the time this takes does not depend on where it differs. */
bool si_seal_check(const uint8_t key[SI_SEAL_KEY], si_str recipe, si_str seal);

/* Reads a key from the beginning of a file, which has at least so many bytes. False with errno set;
 * EINVAL if there are less. */
bool si_seal_read_key(int fd, uint8_t key[SI_SEAL_KEY]);

#endif
