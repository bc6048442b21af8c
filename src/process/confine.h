/* What a process gives up for good before it works on what comes from outside: descriptors,
 * privileges and resources; and how it dies with its parent. All of it is for freshly forked
 * processes of a single thread. Each function returns false with errno set if the system refuses;
 * such a process must end rather than work unconfined. */
#ifndef SI_PROCESS_CONFINE_H
#define SI_PROCESS_CONFINE_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

/* Limits in bytes and descriptors. They are lowered for good (soft and hard limit), never raised:
 * where the process has less already, that stays. */
typedef struct si_confinement {
    int64_t memory;    /* address space (RLIMIT_AS) */
    int64_t file_size; /* of what it writes (RLIMIT_FSIZE), files in memory included; SIGXFSZ is the
                          caller's to ignore */
    int files;         /* open descriptors (RLIMIT_NOFILE) */
} si_confinement;

/* Closes every descriptor but 0 to 2 and the `count` ones of `kept`, which become 3, 4, … in this
 * order, close on exec; a −1 among them is left out. 0 and 1 become /dev/null, and 2 too if
 * `silent`. */
bool si_keep_descriptors(int *const kept[], int count, bool silent);

/* Sets the limits, allows no core dumps, and no new privileges whatever is executed
 * (PR_SET_NO_NEW_PRIVS). Under AddressSanitizer memory and file_size are not limited: its shadow
 * memory is terabytes of address space, and its reports are files. */
bool si_confine(const si_confinement *limits);

/* Gives the process so much more processor time from now on (RLIMIT_CPU, which counts from its
 * start; SIGXCPU ends it). The hard limit stays, so that this can be called for each request. */
bool si_renew_cpu_limit(int seconds);

/* If this is root: becomes a user who owns nothing, without other groups: SI_RENDER_USER where the
 * system has one, else nobody, or the user of the number below where nginx is nobody. For
 * processes that need no files of their own; nothing happens to those of another user. Clears what
 * si_die_with() has set. */
#define SI_RENDER_USER "smartimg-render"
bool si_give_up_root(void);

/* Whom si_give_up_root() makes of root. */
void si_render_user(uid_t *uid, gid_t *gid);

/* Says who nginx runs as, so that si_give_up_root() of this process and its children becomes
 * somebody else. Looks the users up, while there are files to look into. */
void si_set_other_user(uid_t other);

/* Opens files as that user from now on, with the groups of `name`, and stays root in everything
 * else: for a process that opens files for others and starts processes of other users. Clears what
 * si_die_with() has set. */
bool si_open_files_as(const char *name, uid_t uid, gid_t gid);

/* Gives up all capabilities but those of `kept`, a set of bits 1 << CAP_*, for good. Nothing
 * happens to capabilities that the process has not. */
bool si_keep_capabilities(uint64_t kept);

/* Becomes that user for good, with the group and those that the system lists for `name`. Clears
 * what si_die_with() has set. */
bool si_become_user(const char *name, uid_t uid, gid_t gid);

/* The same of root, who goes on finding and reading the files of any folder, as far as root could
 * (CAP_DAC_READ_SEARCH), and nothing else. */
bool si_become_reader(const char *name, uid_t uid, gid_t gid);

/* Asks for `signal_number` at the death of `parent`. False if it is dead already. To be called
 * again after a change of user. */
bool si_die_with(pid_t parent, int signal_number);

#endif
