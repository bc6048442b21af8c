/* What origins are asked now, and who waits for it. */
#include "source/origins_internal.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/origin_ask.h"
#include "process/fdpass.h"
#include "source/question.h"

static void complain(const si_origin_task *t, const si_origin_outcome *o) {
    dprintf(STDERR_FILENO, "smartimg: source %s: %s%s%s%s\n", t->origin->name, o->diag.text,
        o->detail[0] != '\0' ? " (" : "", o->detail, o->detail[0] != '\0' ? ")" : "");
}

/* ---- answers ---- */

static void tell_nginx(
    si_origins_process *p, const si_origin_waiter *w, const si_origin_outcome *o) {
    si_nginx_connection *c = &p->connections[w->connection];
    si_origin_told told;
    if (c->socket < 0 || c->serial != w->serial) {
        return;
    }
    memset(&told, 0, sizeof told); /* no byte of ours between its fields */
    told.number = w->number;
    told.code = o->result;
    told.time = o->time;
    told.size = o->size;
    told.version = o->version;
    memcpy(told.extension, o->extension, sizeof told.extension);
    if (o->result != SI_OK) {
        snprintf(told.text, sizeof told.text, "%.100s%s%.50s", o->diag.text,
            o->detail[0] != '\0' ? ": " : "", o->detail);
    }
    if (!si_packet_send(c->socket, &told, sizeof told, -1, MSG_DONTWAIT)) {
        close(c->socket); /* it does not read: it will ask again */
        c->socket = -1;
    }
}

static void tell_renderer(const si_origin_waiter *w, const si_origin_outcome *o, int fd) {
    bool same = o->result == SI_OK && o->version == w->version;
    si_question_reply(
        w->socket, &o->diag, o->result == SI_OK ? fd : -1, same ? SI_ORIGINAL_LIFE : 0);
    close(w->socket);
}

void si_tasks_tell(
    si_origins_process *p, const si_origin_waiter *w, const si_origin_outcome *o, int fd) {
    if (w->socket >= 0) {
        tell_renderer(w, o, fd);
    } else {
        tell_nginx(p, w, o);
    }
}

/* ---- tasks ---- */

static void free_task(si_origins_process *p, si_origin_task *t) {
    si_origin_task **at = &p->tasks;
    while (*at != t) {
        at = &(*at)->next;
    }
    *at = t->next;
    if (t->handle != NULL) {
        curl_multi_remove_handle(p->multi, t->handle);
    }
    while (t->waiters != NULL) {
        si_origin_waiter *w = t->waiters;
        t->waiters = w->next;
        if (w->socket >= 0) {
            close(w->socket);
        }
        free(w);
    }
    si_origin_request_free(t->request);
    free(t);
    p->task_count--;
}

/* Its outcome is there. */
static void end_task(si_origins_process *p, si_origin_task *t) {
    const si_origin_outcome *o = si_origin_request_outcome(t->request);
    int fd = t->body && o->result == SI_OK ? si_origin_request_file(t->request) : -1;
    if (fd >= 0 && o->validated) {
        const si_original_name name = {t->origin->id, o->version, t->key};
        si_original_cache_put(p->cache, &name, fd, (int64_t)o->size);
    }
    if (o->result != SI_OK && o->result != SI_ERR_NOT_FOUND) {
        complain(t, o);
    }
    while (t->waiters != NULL) {
        si_origin_waiter *w = t->waiters;
        t->waiters = w->next;
        si_tasks_tell(p, w, o, fd);
        free(w);
    }
    free_task(p, t);
}

int si_tasks_running(const si_origins_process *p, const si_origin_task *like) {
    int count = 0;
    for (const si_origin_task *t = p->tasks; t != NULL; t = t->next) {
        count += t->phase == SI_TASK_RUNNING && t->origin == like->origin && t->body == like->body;
    }
    return count;
}

/* Whether a task has to wait for the first keys of the instance. */
static bool waits_for_keys(si_origins_process *p, const si_origin_task *t) {
    if (!si_origin_keys_are_of_instance(t->origin) || p->instance == NULL) {
        return false;
    }
    si_instance_state state = si_instance_keys_take(p->instance, &p->instance_keys);
    if (state == SI_INSTANCE_FAILED) {
        p->instance_keys = (si_origin_keys){.expires = 0};
    }
    return state == SI_INSTANCE_ASKING;
}

static int place_of(const si_origins_process *p, const si_origin *o) {
    int i = 0;
    while (p->options->origins.items[i] != o) { /* it is one of them */
        i++;
    }
    return i;
}

static void start_task(si_origins_process *p, si_origin_task *t) {
    const int place = place_of(p, t->origin);
    const bool of_instance = si_origin_keys_are_of_instance(t->origin);
    const si_origin_keys *keys = of_instance ? &p->instance_keys : &p->keys[place];
    bool wanted = t->origin->credentials[0] != '\0';
    if (wanted && keys->id[0] == '\0') {
        si_origin_request_fail(
            t->request, SI_ERR_IO, "there are no keys for where originals come from");
        end_task(p, t);
        return;
    }
    if (t->origin->ca_file[0] != '\0' && p->authorities[place].len == 0) {
        si_origin_request_fail(
            t->request, SI_ERR_IO, "nobody vouches for where originals come from");
        end_task(p, t);
        return;
    }
    t->handle = si_origin_request_try(t->request, wanted ? keys : NULL, &p->authorities[place]);
    if (t->handle == NULL) {
        end_task(p, t);
        return;
    }
    t->phase = SI_TASK_RUNNING;
    curl_multi_add_handle(p->multi, t->handle);
}

/* Starts what may run now. */
void si_tasks_start(si_origins_process *p) {
    int64_t now = si_now_ns();
    for (si_origin_task *t = p->tasks, *next; t != NULL; t = next) {
        next = t->next;
        bool due = t->phase == SI_TASK_QUEUED || (t->phase == SI_TASK_RESTING && now >= t->at_ns);
        if (due && si_tasks_running(p, t) < t->origin->connections && !waits_for_keys(p, t)) {
            start_task(p, t);
        }
    }
}

static void end_try(si_origins_process *p, si_origin_task *t, CURLcode code) {
    curl_multi_remove_handle(p->multi, t->handle);
    t->handle = NULL;
    if (si_origin_request_end(t->request, code, &t->at_ns)) {
        end_task(p, t);
    } else {
        t->phase = SI_TASK_RESTING;
    }
}

void si_tasks_take_finished(si_origins_process *p) {
    CURLMsg *m;
    int left;
    while ((m = curl_multi_info_read(p->multi, &left)) != NULL) {
        if (m->msg != CURLMSG_DONE) {
            continue;
        }
        CURL *handle = m->easy_handle;
        CURLcode code = m->data.result;
        for (si_origin_task *t = p->tasks; t != NULL; t = t->next) {
            if (t->handle == handle) {
                end_try(p, t, code);
                break;
            }
        }
    }
}

static bool is_same(const si_origin_task *t, const si_origin_wanted *w) {
    return t->origin == w->origin && t->body == w->body &&
           t->candidate_count == w->candidate_count && strcmp(t->key, w->key) == 0 &&
           memcmp(t->candidates, w->candidates,
               (size_t)w->candidate_count * sizeof *t->candidates) == 0;
}

static si_origin_task *new_task(si_origins_process *p, const si_origin_wanted *w) {
    si_origin_task *t = p->task_count < SI_ORIGINS_TASKS ? calloc(1, sizeof *t) : NULL,
                   **end = &p->tasks;
    si_origin_request *request = t != NULL ? si_origin_request_new(w) : NULL;
    if (request == NULL) {
        free(t);
        return NULL;
    }
    t->origin = w->origin;
    t->request = request;
    t->body = w->body;
    t->candidate_count = w->candidate_count;
    memcpy(t->candidates, w->candidates, (size_t)w->candidate_count * sizeof *t->candidates);
    snprintf(t->key, sizeof t->key, "%s", w->key);
    while (*end != NULL) {
        end = &(*end)->next;
    }
    *end = t;
    p->task_count++;
    return t;
}

/* Puts somebody to a task, or tells them that there are too many. */
void si_tasks_ask(
    si_origins_process *p, const si_origin_wanted *wanted, const si_origin_waiter *who) {
    si_origin_task *t = p->tasks;
    while (t != NULL && !is_same(t, wanted)) {
        t = t->next;
    }
    t = t != NULL ? t : new_task(p, wanted);
    si_origin_waiter *w = t != NULL ? malloc(sizeof *w) : NULL;
    if (w == NULL) {
        si_origin_outcome full = {.result = SI_ERR_IO};
        (void)si_fail(&full.diag, SI_ERR_IO, "too many originals are waited for");
        si_tasks_tell(p, who, &full, -1);
        return;
    }
    *w = *who;
    w->next = t->waiters;
    t->waiters = w;
}

bool si_tasks_has_waiter(const si_origins_process *p, int fd) {
    for (const si_origin_task *t = p->tasks; t != NULL; t = t->next) {
        for (const si_origin_waiter *w = t->waiters; w != NULL; w = w->next) {
            if (w->socket == fd) {
                return true;
            }
        }
    }
    return false;
}

/* A renderer has gone, and with it the question. */
void si_tasks_forget(si_origins_process *p, int socket) {
    for (si_origin_task *t = p->tasks; t != NULL; t = t->next) {
        for (si_origin_waiter **at = &t->waiters; *at != NULL; at = &(*at)->next) {
            si_origin_waiter *w = *at;
            if (w->socket == socket) {
                *at = w->next;
                close(w->socket);
                free(w);
                if (t->waiters == NULL) {
                    free_task(p, t);
                }
                return;
            }
        }
    }
}

void si_tasks_end_states(si_origins_process *p) {
    for (si_origin_task *t = p->tasks, *next; t != NULL; t = next) {
        next = t->next;
        if (!t->body) {
            free_task(p, t);
        }
    }
}
