/* The pictures that a client may ask for, as JSON, for the playground's page. */
#ifndef SI_PLAN_PICTURE_LIST_H
#define SI_PLAN_PICTURE_LIST_H

#include "base/bytes.h"
#include "plan/plan.h"

enum {
    SI_PICTURE_LIST_MAX = 200,        /* pictures that are told, … */
    SI_PICTURE_LIST_OF_COMPANY = 100, /* … and of a company, so that others come, too */
    SI_PICTURE_LIST_REFUSED = 20,     /* files of a company for which there are no plans, after
                                         which none is made for it */
    SI_PICTURE_LIST_PLANS = 500       /* plans that are made; of up to 20 ms in all */
};

/* Appends {"pictures":[{"id","bytes","kind"}…],"truncated","companies":[…],"uploads":{"on",
 * "max_bytes","seconds"}}. A picture is told if a request for its id by this client, of whose
 * request headers, address and session count, would be answered from that file: so nothing is told
 * of what rules, filters or locks refuse. Ids are as they stand in addresses, without percent
 * encoding. `kinds` are words parted by commas, of those that are served (base names of
 * render/read/original.h); empty = all. Bounded (catalog/pictures.h). False if out of memory. */
bool si_picture_list(
    const si_catalog *catalog, const si_request *request, si_str kinds, si_bytes *out);

/* The kind of original that an extension stands for, with or without its dot, in any case; NULL if
 * it is none that is rendered. */
const char *si_kind_of_extension(si_str extension);

/* Whether that kind is one of `kinds`, which are as above. */
bool si_kind_is_served(const char *extension, si_str kinds);

#endif
