/* Keys of the role that a machine or container has (Credentials = instance of base/origin.h): from
 * the metadata service of EC2, in its second version, or of ECS and EKS if the environment names
 * one (AWS_CONTAINER_CREDENTIALS_FULL_URI, AWS_CONTAINER_CREDENTIALS_RELATIVE_URI, with
 * AWS_CONTAINER_AUTHORIZATION_TOKEN). AWS_EC2_METADATA_SERVICE_ENDPOINT names another address of
 * the former, as Amazon's own programs take it.
 *
 * Keys end; a thread sees to it that there are new ones some minutes before that. */
#ifndef SI_SOURCE_INSTANCE_KEYS_H
#define SI_SOURCE_INSTANCE_KEYS_H

#include <curl/curl.h>

#include "source/origin_keys.h"

/* Asks once, for some seconds at most. SI_ERR_IO, SI_ERR_CONFIG. */
SI_NODISCARD si_result si_instance_keys_ask(si_origin_keys *out, si_diag *diag);

typedef enum si_instance_state {
    SI_INSTANCE_ASKING, /* for the first time */
    SI_INSTANCE_READY,
    SI_INSTANCE_FAILED /* lately; it is tried again */
} si_instance_state;

typedef struct si_instance_keys si_instance_keys;

/* Starts the thread, which wakes `multi` after each change. NULL if it cannot be started. It lives
 * as long as the process. */
si_instance_keys *si_instance_keys_start(CURLM *multi);

/* What there is now; *out counts if it is SI_INSTANCE_READY. */
si_instance_state si_instance_keys_take(si_instance_keys *k, si_origin_keys *out);

#endif
