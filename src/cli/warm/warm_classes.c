#include <stdio.h>
#include <string.h>

#include "base/show.h"
#include "cli/warm/warm_job.h"

/* Accept of a client that shows these formats, and nothing else that counts. */
static void write_accept(unsigned formats, char *out, size_t room) {
    size_t used = 0;
    for (int f = 0; f < SI_FORMAT_COUNT; f++) {
        if ((formats & SI_FORMAT_BIT(f)) != 0) {
            used += (size_t)snprintf(out + used, room - used, "%s,", si_format_mime((si_format)f));
        }
    }
    snprintf(out + used, room - used, "*/*;q=0.8");
}

static bool read_class(si_str text, si_warm_class *out) {
    si_client client;
    text = si_str_trim(text);
    si_client_read(text, &client);
    si_client_print(&client, out->name);
    /* reading leaves out what it does not know, and changes the order at most */
    if (strlen(out->name) != text.len || client.network > SI_NETWORK_EXCELLENT) {
        return false;
    }
    write_accept(client.formats, out->accept, sizeof out->accept);
    out->dpr[0] = '\0';
    if (client.dpr > 1) {
        si_real_print(client.dpr, out->dpr);
    }
    return true;
}

const char *si_warm_classes_read(const char *text, void *to) {
    si_warm_classes *list = to;
    si_str rest = si_str_of(text), part;
    list->count = 0;
    while (si_str_next(&rest, ',', &part)) {
        if (list->count == SI_WARM_CLASSES_MAX) {
            return "has too many classes";
        }
        si_warm_class *class = &list->items[list->count];
        if (!read_class(part, class)) {
            return "is not made of classes such as avif+webp, plain or webp;dpr=2";
        }
        for (int i = 0; i < list->count; i++) {
            if (strcmp(list->items[i].name, class->name) == 0) {
                return "names a class twice";
            }
        }
        list->count++;
    }
    return NULL;
}
