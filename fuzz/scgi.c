/* Fuzz target: heads of SCGI requests, as whoever can connect to a renderer may send them. What the
 * first bytes say of the length must not change when more of them are there. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "renderer/scgi.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    si_diag diag = {0};
    size_t need = 0;
    si_result result = SI_OK;
    for (size_t len = 0; len <= size && len <= 16 && result == SI_OK; len++) {
        size_t before = need;
        result = si_scgi_measure((const char *)data, len, &need, &diag);
        if (result == SI_OK && before != 0 && need != before) {
            abort();
        }
    }
    if (result != SI_OK || need == 0 || need > size) {
        return 0;
    }
    /* exactly as long as it says, so that a sanitizer sees any step beyond it */
    char *head = malloc(need);
    if (head == NULL) {
        return 0;
    }
    memcpy(head, data, need);
    si_scgi_request request;
    if (si_scgi_parse(head, need, &request, &diag) != SI_OK) {
        if (diag.code == SI_OK || diag.text[0] == '\0') {
            abort(); /* an error without a word */
        }
    } else if (request.recipe.p < head || request.recipe.p + request.recipe.len > head + need) {
        abort();
    }
    free(head);
    return 0;
}
