/* Limits of what commands may say: setters refuse or clamp by them, the recipe's reader relies on
 * them (schema.c), and the grammar in help, messages and documents is made of them (commands.h).
 *
 * Where the vendor's command pages give a range it is theirs; the others keep arithmetic exact and
 * memory bounded. Plain numbers, since they become text. */
#ifndef SI_PICTURE_LIMITS_H
#define SI_PICTURE_LIMITS_H

/* Any number, of either sign: pixels, fractions, factors. Sums of two still fit an int. */
#define SI_NUMBER_MAX 1000000000
#define SI_FACTOR_MIN 0.000001 /* of what must be above 0 */

#define SI_PERCENT_MAX 100 /* opacities, noise, the contrast of op_colorize */
#define SI_LEVEL_MAX 100   /* either sign: op_brightness, op_grow and their like */
#define SI_HUE_MAX 180     /* degrees, either sign */
#define SI_BLUR_MAX 100    /* pixels */
#define SI_USM_AMOUNT_MAX 5
#define SI_USM_RADIUS_MAX 250 /* pixels */
#define SI_USM_THRESHOLD_MAX 255
#define SI_JITTER_MAX 200
#define SI_ALIGN_MAX 1 /* either sign */
#define SI_DEGREES_MAX 360
#define SI_TEXT_DPI_MAX 10000
#define SI_QUALITY_MIN 1
#define SI_QUALITY_MAX 100
#define SI_COLORS_MIN 2
#define SI_COLORS_MAX 256
#define SI_SCANS_MAX 5
#define SI_PRINT_RES_MAX 65535 /* dpi; JPEG has 16 bits for it */
#define SI_DPR_MAX 1000

/* "0…5", "-100…100" */
#define SI_LIMIT_TEXT(limit) SI_LIMIT_TEXT_OF(limit)
#define SI_LIMIT_TEXT_OF(limit) #limit
#define SI_RANGE_TEXT(low, high) SI_LIMIT_TEXT(low) "…" SI_LIMIT_TEXT(high)
#define SI_SYMMETRIC_TEXT(most) SI_RANGE_TEXT(-most, most)

#endif
