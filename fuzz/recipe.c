/* Fuzz target: recipe texts, as whoever can connect to a renderer may send them. What is read can
 * be printed, if it is not too long, and that text is canonical: it reads back as itself. The text
 * that was read need not be: the reader takes a value such as -0, or an escape that nothing needs,
 * which no printer writes. */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "picture/recipe.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    si_arena arena = {0};
    si_recipe first, second;
    const char *text, *again;
    si_diag diag = {0};
    if (si_recipe_scan((si_str){(const char *)data, size}, &arena, &first, &diag) != SI_OK) {
        if (diag.code == SI_OK || diag.text[0] == '\0') {
            abort(); /* an error without a word */
        }
    } else if (si_recipe_print(&first, &arena, &text, &diag) != SI_OK) {
        if (diag.code != SI_ERR_LIMIT) {
            abort();
        }
    } else if (si_recipe_scan(si_str_of(text), &arena, &second, &diag) != SI_OK ||
               si_recipe_print(&second, &arena, &again, &diag) != SI_OK ||
               strcmp(text, again) != 0) {
        fprintf(stderr, "%s\ndoes not read back: %s\n", text, diag.text);
        abort();
    }
    si_arena_free(&arena);
    return 0;
}
