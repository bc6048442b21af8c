#include "base/request_id.h"

#include <string.h>

bool si_request_id_is_good(si_str id) {
    if (id.len == 0 || id.len > SI_REQUEST_ID_MAX) {
        return false;
    }
    for (size_t i = 0; i < id.len; i++) {
        char c = id.p[i];
        bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
        bool number = c >= '0' && c <= '9';
        if (!letter && !number && (c == '\0' || strchr("_.:+/=@-", c) == NULL)) {
            return false;
        }
    }
    return true;
}
