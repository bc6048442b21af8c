/* Limits of what commands may say, as far as recipes have them, too: the table of commands is made
 * of them (commands.h: setters, help, messages and documents), and the recipe's reader relies on
 * them (schema.c).
 *
 * Where the vendor's command pages give a range it is theirs; the others keep arithmetic exact and
 * memory bounded. */
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

/* Words that both sides know, in the order in which the enumerations and numbers of picture.h and
 * recipe.h count; tests/unit/test_limits.c holds them together. */
#define SI_FIT_WORDS "fit|constrain|crop|wrap|stretch|hfit|vfit"
#define SI_RESMODE_WORDS "bilin|bicub|sharp2|bisharp"
#define SI_MASK_USE_WORDS "norm|invert|off"
#define SI_BLEND_WORDS "norm|dissolve|lighten|darken|mult|screen"
#define SI_COLORIZE_WORDS "off|norm"    /* behind SI_COLORIZE_NONE */
#define SI_PERSPECTIVE_WORDS "R1|R2|R3" /* behind SI_PERSPECTIVE_NONE */
#define SI_COMPRESSION_WORDS "none|lzw|zip|jpeg"
#define SI_PIXEL_WORDS "rgb|gray|cmyk"
#define SI_QUANTIZE_WORDS "adaptive|web|mac"
#define SI_INTENT_WORDS "perceptual|relative|saturation|absolute"
#define SI_BODY_WORDS "text|javascript|xml|json"
#define SI_ANTIALIAS_WORDS "off|norm|crisp|sharp|strong|smooth" /* si_text_ref.antialias */
#define SI_ANTIALIAS_MAX 5
#define SI_TEXT_RESOLUTION_WORDS "fixedRes|autoRes|maxRes" /* .resolution_mode */
#define SI_TEXT_RESOLUTION_MAX 2
#define SI_TEXT_WRAP_WORDS "wrap|noWrap|nbWrap" /* .wrap */
#define SI_TEXT_WRAP_MAX 2

#endif
