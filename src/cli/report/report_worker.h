/* One child process of a report: makes the images of recipes, one at a time, as a renderer does.
 *
 * It only reads the list; its memory, processor time and wall time are limited; it gets originals
 * from the broker in its parent, and is not root. If it crashes over an image, only the row of that
 * image is an error. */
#ifndef SI_CLI_REPORT_REPORT_WORKER_H
#define SI_CLI_REPORT_REPORT_WORKER_H

#include <sys/types.h>

#include "cli/report/report_list.h"
#include "cli/request.h"

/* Exit status of a child that could not be confined, or whose image library did not start. */
enum { SI_REPORT_NOT_STARTED = 3 };

typedef enum si_report_job_kind {
    SI_REPORT_ANSWER,  /* the result, and if wanted the sent file as pictures[SI_REPORT_SENT] */
    SI_REPORT_PICTURES /* both pictures */
} si_report_job_kind;

/* Something to be done about a row. */
typedef struct si_report_job {
    si_report_job_kind kind;
    int row;
} si_report_job;

/* From parent to child, as it is; the recipe's text follows. */
typedef struct si_report_question {
    si_report_job job;
    int recipe_len; /* bytes, 1…SI_RECIPE_TEXT_MAX */
    double ms;      /* time that its plan has taken */
} si_report_question;

/* From child to parent; the files of the pictures follow, `len` bytes each. */
typedef struct si_report_reply {
    si_report_result result;
    struct {
        si_format format;
        int reduced;
        bool reencoded;
        uint64_t len;
    } pictures[2];
} si_report_reply;

/* What parent and children work with. */
typedef struct si_report_work {
    const si_report_list *list;
    const si_request_options *request;
    int timeout;    /* seconds of wall time for a request; as much processor time */
    int64_t memory; /* bytes of address space */
    bool want_sent; /* answers come with the sent file */
    int root;       /* folder of the originals, for the broker */
    int spool;      /* file with sent files, to be read only, or −1 */
} si_report_work;

/* The life of a child, in a freshly forked process: takes questions from `socket` and answers them.
 * `broker` is its socket of si_broker_open(). */
_Noreturn void si_report_worker_run(
    const si_report_work *work, int socket, int broker, pid_t parent);

/* Gives a result a status and the first line of a text. */
void si_report_set_error(si_report_result *r, int status, const char *text);

/* Reads or writes all of it; false at the end of the file or on an error. */
bool si_report_read_all(int fd, void *data, size_t len);
bool si_report_write_all(int fd, const void *data, size_t len);

#endif
