/* Requests that the catalog alone can answer (docs/protocol.md, Facts): the front side does it,
 * without a renderer and without a cache. */
#ifndef SI_REPLY_CATALOG_REPLY_H
#define SI_REPLY_CATALOG_REPLY_H

#include "request/query.h"
#include "reply/replies.h"

/* Answers q->asked.type for the object that si_query_open() found, q->found. For VALIDATE, RESOLVE
 * and MAP the whole request has been read, too. `query` is the raw query. Body and type go to
 * `out`, zero-initialized. SI_ERR_UNSUPPORTED: such requests need a renderer (out->content_type
 * stays NULL), or nobody answers them. */
SI_NODISCARD si_result si_catalog_reply(si_query *q, si_str query, si_reply *out);

/* Whether a renderer is needed after all: user data of a smart crop. */
bool si_catalog_reply_renders(const si_query *q);

/* req=set: the media set of the path's object or of imageSet=, into the recipe (media_set.h).
 * `query` is the raw query. */
SI_NODISCARD si_result si_catalog_set(si_query *q, si_str query);

/* What the front side knows of the properties that a renderer sends: facts of the recipe. */
SI_NODISCARD si_result si_catalog_facts(si_query *q);

#endif
