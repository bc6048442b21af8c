/* What `smartimg config check` has found, kept until it can be told in order. */
#ifndef SI_CLI_CHECK_MESSAGE_H
#define SI_CLI_CHECK_MESSAGE_H

#include "base/arena.h"
#include "base/result.h"

struct si_check_setting;

/* Zero-initialize but for `folder`; release with si_messages_free(). */
typedef struct si_messages {
    const char *folder; /* of the configuration, as it was named */
    si_arena arena;
    struct si_message *list;
    int count, room;
    int mistakes, warnings;
} si_messages;

/* A si_catalog_report whose context is an si_messages: texts that begin with "warning: " are
 * warnings. `file` lies below the folder; NULL = the text says by itself what it is about. */
void si_messages_report(void *context, const char *file, int line, const char *text);

/* The same, with a text to be printed. */
void si_messages_add(si_messages *m, const char *file, int line, const char *fmt, ...)
    SI_PRINTF(4, 5);

/* About a setting, which the text begins with. */
void si_messages_mistake(si_messages *m, const struct si_check_setting *s, const char *fmt, ...)
    SI_PRINTF(3, 4);
void si_messages_warning(si_messages *m, const struct si_check_setting *s, const char *fmt, ...)
    SI_PRINTF(3, 4);

/* Prints all of them, each once, by file and line, as FOLDER/FILE:LINE: TEXT. */
void si_messages_print(si_messages *m);

void si_messages_free(si_messages *m);

#endif
