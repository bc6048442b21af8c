/* Names that processes, their environment and HTTP clients call things by. Each stands here once;
 * conf/nginx.conf.in, which people read as it is, names some again, and a unit test (scgi) holds it
 * against these. */
#ifndef SI_BASE_WIRE_H
#define SI_BASE_WIRE_H

/* ---- SCGI parameters, from the front side to a renderer ---- */

#define SI_PARAM_RECIPE "SMARTIMG_RECIPE" /* canonical text (picture/recipe.h) */
#define SI_PARAM_SEAL "SMARTIMG_SEAL"     /* of the recipe (picture/seal.h); empty without a key */
/* by a key that renderers have, too, where they are asked over TCP */
#define SI_PARAM_RENDER_SEAL "SMARTIMG_RENDER_SEAL"
#define SI_PARAM_RENDER "SMARTIMG_RENDER"       /* 1; only nginx looks at it, to count */
#define SI_PARAM_TIER "SMARTIMG_TIER"           /* better, best: a refined answer; else a first */
#define SI_PARAM_QUEUED_AT "SMARTIMG_QUEUED_AT" /* when it joined the queue, monotonic, ns */
#define SI_PARAM_SHOW "SMARTIMG_SHOW"       /* what is wanted in the reply's place (base/show.h) */
#define SI_PARAM_CLASS "SMARTIMG_CLASS"     /* the client's class, for an explanation */
#define SI_PARAM_ID "SMARTIMG_ID"           /* what the request is called (base/request_id.h) */
#define SI_PARAM_TRACE "SMARTIMG_TRACE"     /* traceparent for origins (base/trace.h) */
#define SI_PARAM_HEAD_AT "SMARTIMG_HEAD_AT" /* bytes before the reply's head in the cache file */

/* 1: foreseen to be cheap, once its originals have come from their origins */
#define SI_PARAM_CHEAP "SMARTIMG_CHEAP"
#define SI_PARAM_PING "SMARTIMG_PING" /* 1, instead of a recipe: whether it answers */

/* … and from nginx's admin listener to the purge service (cli/purge_service.h) */

#define SI_PARAM_PURGE_METHOD "SMARTIMG_PURGE_METHOD" /* of the request */
#define SI_PARAM_PURGE_PATH "SMARTIMG_PURGE_PATH"     /* its path and query */
#define SI_PARAM_PURGE_TOKEN "SMARTIMG_PURGE_TOKEN"   /* its Authorization */

/* ---- lines of a renderer's reply that are for the edge alone ---- */

/* seconds that the cache keeps it, 0 = not at all */
#define SI_HEADER_KEEP "X-Accel-Expires"
/* "N M": how long it took, over the number of workers, microseconds: what one more in the queue
 * waits; and how long without a search, which is what it comes to when many wait */
#define SI_HEADER_SERVICE "X-Smartimg-Service"
/* what its time went into (picture/stages.h) */
#define SI_HEADER_STAGES "X-Smartimg-Stages"
/* the step of base/load.h that was taken, if any was */
#define SI_HEADER_LOAD "X-Smartimg-Load"
/* encodings that were made for the answer */
#define SI_HEADER_ENCODINGS "X-Smartimg-Encodings"
/* when a refused client may come again, seconds; for the client, too */
#define SI_HEADER_RETRY "Retry-After"
/* 1: the image was not ready in time, and would not be if it were asked for again */
#define SI_HEADER_OUT_OF_TIME "X-Smartimg-Out-Of-Time"
/* of an answer that a better one may replace: the tier that it has reached (base/tier.h). The edge
 * writes SI_HEADER_FINAL over the first letter of the copy in its cache if there was none */
#define SI_HEADER_FIRST_ANSWER "X-Smartimg-First-Answer"
#define SI_HEADER_FINAL '-'
/* of replies with foreign images: until when they are good, Unix time */
#define SI_HEADER_FRESH_UNTIL "X-Smartimg-Fresh-Until"
/* 1: an original was not in the state that the recipe names (not kept, and to be asked for anew) */
#define SI_HEADER_CHANGED "X-Smartimg-Changed"
/* of the body, so that the edge sees what became of it on a disk (picture/checksum.h) */
#define SI_HEADER_SUM "X-Smartimg-Sum"
/* zeros, so that the body begins with a page of the cache file */
#define SI_HEADER_PADDING "X-Padding"

enum {
    SI_RETRY_SECONDS = 1,  /* after which who was refused as many wait may come again */
    SI_FAILED_SECONDS = 30 /* for which what was not ready in time is not tried again */
};

/* ---- request headers ---- */

/* the client's class, told by a trusted edge (client/client.h) */
#define SI_HEADER_CLASS "X-Smartimg-Class"

/* ---- response headers ---- */

#define SI_HEADER_SAVED "X-Adobe-Smart-Imaging" /* bytes less than the requested encoding */
#define SI_HEADER_CHOICE "X-Smart-Imaging"      /* format, savings, scores and effort */
#define SI_HEADER_TIMING "Server-Timing"        /* stages of the render; not of hits */
#define SI_HEADER_CACHE "X-Cache"               /* hit, miss, refresh or bypass */
#define SI_HEADER_ALLOW_ORIGIN "Access-Control-Allow-Origin" /* these three: plan/sharing.h */
#define SI_HEADER_TIMING_ORIGIN "Timing-Allow-Origin"
#define SI_HEADER_RESOURCE_POLICY "Cross-Origin-Resource-Policy"
#define SI_HEADER_SNIFF "X-Content-Type-Options" /* nosniff: no reply is taken for another type */

/* ---- environment variables; unset or empty = none ---- */

#define SI_ENV_CALIBRATION "SMARTIMG_CALIBRATION"  /* file of `smartimg calibrate` */
#define SI_ENV_CONF_DIR "SMARTIMG_CONF_DIR"        /* folder of nginx.conf.in and its like */
#define SI_ENV_WEB_DIR "SMARTIMG_WEB_DIR"          /* folder of the folder playground */
#define SI_ENV_MODULE "SMARTIMG_MODULE"            /* file of the nginx module */
#define SI_ENV_PURGE_TOKEN "SMARTIMG_PURGE_SECRET" /* of PURGE over HTTP */
#define SI_ENV_PRELOAD "SMARTIMG_PRELOAD"          /* nginx's LD_PRELOAD: a sanitizer, for tests */

#endif
