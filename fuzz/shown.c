/* Fuzz target: what strangers tell the playground: queries of views, and names, first bytes and
 * tokens of uploads. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/uploads.h"
#include "plan/shown.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const char key[] = "0123456789abcdef0123456789abcdef";

static void check(bool holds) {
    if (!holds) {
        abort();
    }
}

/* Whatever is taken for an address begins below /is/image/ and has no blanks. */
static void read_query(si_str query) {
    si_arena arena = {0};
    si_shown shown;
    if (si_shown_read(query, &arena, &shown, NULL) == SI_OK) {
        check(si_str_starts(shown.path, SI_STR("/is/image/")));
        check(memchr(shown.path.p, ' ', shown.path.len) == NULL);
        check(memchr(shown.path.p, '\0', shown.path.len) == NULL);
        check(shown.query.p == NULL || memchr(shown.query.p, '\n', shown.query.len) == NULL);
    }
    si_str error = si_shown_error(query, 403, &arena);
    check(error.len > 0 && error.p[error.len - 1] == '\n');
    si_arena_free(&arena);
}

/* Every name that is made is one that its session may ask for. */
static void make_names(si_str wanted) {
    char name[SI_UPLOAD_NAME + 1], path[SI_UPLOAD_TOKEN + SI_UPLOAD_NAME + 2];
    for (int number = 1; number < 300; number += 99) {
        (void)si_upload_make_name(wanted, number, "webp", name);
        memcpy(path, key, SI_UPLOAD_TOKEN);
        path[SI_UPLOAD_TOKEN] = '/';
        memcpy(path + SI_UPLOAD_TOKEN + 1, name, strlen(name) + 1);
        check(si_upload_is_of(si_str_of(path), si_str_of(key)));
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    const si_str text = {(const char *)data, size};
    read_query(text);
    make_names(text);
    (void)si_upload_kind(data, size);
    (void)si_upload_is_of(text, si_str_of(key));
    (void)si_upload_is_token(text);
    return 0;
}
