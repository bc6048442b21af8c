/* What the kernel keeps a process from that works on what comes from outside, on top of what
 * confine.h has: names of files, the network, other processes, and system calls that decoding,
 * drawing and answering have no use for. docs/security.md tells against whom.
 *
 * Four layers, each of which holds without the others, as far as the kernel and a container around
 * the server let it:
 *
 *   namespaces    its own network (without an interface), mounts, System V IPC and host name
 *   empty root    its root is an empty, read-only folder
 *   landlock      no file can be opened, no TCP port bound or connected to, and, from Linux 6.12
 *                 on, no signal sent to a process outside
 *   system calls  a seccomp filter: what is not needed kills the process, and the kernel logs it;
 *                 what only names a file, which libraries may try, fails with EACCES
 *
 * All of it is for freshly forked processes. Builds with AddressSanitizer have none of it. */
#ifndef SI_PROCESS_SANDBOX_H
#define SI_PROCESS_SANDBOX_H

#include <stdbool.h>
#include <sys/types.h>

/* name of the bit, name in log and docs, what is missing without it */
#define SI_SANDBOX_LAYERS(X)                                                                       \
    X(NAMESPACES, "namespaces", "CAP_SYS_ADMIN, or user namespaces for all")                       \
    X(EMPTY_ROOT, "empty root", "namespaces")                                                      \
    X(LANDLOCK, "Landlock", "Linux 5.13 with Landlock switched on")                                \
    X(SYSTEM_CALLS, "system calls", "seccomp filters")

enum {
#define X(name, words, needs) SI_SANDBOX_##name##_NUMBER,
    SI_SANDBOX_LAYERS(X)
#undef X
        SI_SANDBOX_LAYER_COUNT,
#define X(name, words, needs) SI_SANDBOX_##name = 1 << SI_SANDBOX_##name##_NUMBER,
    SI_SANDBOX_LAYERS(X)
#undef X
        SI_SANDBOX_ALL = (1 << SI_SANDBOX_LAYER_COUNT) - 1,
    SI_SANDBOX_OF_FETCHER = SI_SANDBOX_LANDLOCK | SI_SANDBOX_SYSTEM_CALLS /* it needs the network
                               and the system's certificates */
};

/* What is asked for. */
typedef enum si_sandbox_mode {
    SI_SANDBOX_BEST,     /* all layers that can be had; the log names those that cannot */
    SI_SANDBOX_REQUIRED, /* all of them, or the process does not start */
    SI_SANDBOX_OFF       /* none */
} si_sandbox_mode;

/* What a process does. */
typedef enum si_sandbox_kind {
    SI_SANDBOX_RENDERER, /* decodes, draws and answers; takes connections from open sockets. Also
                            the downloads process. */
    SI_SANDBOX_FETCHER   /* downloads: has the network, and may read the system's settings (/etc,
                            /usr, …) */
} si_sandbox_kind;

/* First step, before there is any other thread and while the process may still have privileges: new
 * namespaces. Files stay as they are. Returns SI_SANDBOX_NAMESPACES, or 0 with errno set. */
unsigned si_sandbox_part(void);

/* Second step, once no file has to be opened any more: leaves all folders for an empty one. Needs
 * the first. Returns SI_SANDBOX_EMPTY_ROOT, or 0 with errno set. */
unsigned si_sandbox_leave_files(void);

/* Last step, after the change of user: gives up all capabilities, lets no
 * other process of its user look into this one (PR_SET_DUMPABLE), then Landlock and the filter of
 * system calls, for all threads. Needs PR_SET_NO_NEW_PRIVS (si_confine()). Returns the layers that
 * hold. */
unsigned si_sandbox_close(si_sandbox_kind kind);

/* The same for a process that may write files of one folder (−1 = none), too: make, rename and
 * remove them. */
unsigned si_sandbox_close_around(si_sandbox_kind kind, int folder);

/* What the kernel gives here: goes through all steps in a process of its own. 0 if there is no
 * process. */
unsigned si_sandbox_probe(void);

/* True if `layers` are enough for what is asked for. */
bool si_sandbox_suffices(si_sandbox_mode mode, si_sandbox_kind kind, unsigned layers);

/* "namespaces, empty root, Landlock, system calls", or "none". Returns `out`. */
enum { SI_SANDBOX_NAMES_MAX = 100 };
char *si_sandbox_names(unsigned layers, char out[SI_SANDBOX_NAMES_MAX]);

/* The mode of that name (best, required, off); false if there is none. */
bool si_sandbox_mode_by_name(const char *name, si_sandbox_mode *out);

#endif
