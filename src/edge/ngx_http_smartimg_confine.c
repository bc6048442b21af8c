
/*
 * What nginx's processes give up once they have become their user.
 */

#include "ngx_http_smartimg_module.h"
#include "base/sanitize.h"
#include <linux/capability.h>
#include <sys/prctl.h>
#include <sys/syscall.h>


/*
 * The right to read all files stays where the process was started with
 * SECBIT_NO_SETUID_FIXUP, by a root who has named no user that owns the
 * images; elsewhere there is nothing left to give up.  Nobody looks into the
 * process, which has the key of seals, but the kernel gives what it wants.
 */

ngx_int_t
ngx_http_smartimg_confine(ngx_cycle_t *cycle)
{
    uint32_t                         kept;
    struct __user_cap_data_struct    now[2];
    struct __user_cap_header_struct  head;

    if (geteuid() == 0) {
        return NGX_OK;
    }

    ngx_memzero(&head, sizeof(head));
    ngx_memzero(now, sizeof(now));

    head.version = _LINUX_CAPABILITY_VERSION_3;
    kept = 1 << CAP_DAC_READ_SEARCH;

    if (syscall(SYS_capget, &head, now) == 0) {
        now[0].permitted &= kept;
        now[0].effective &= kept;
        now[0].inheritable = 0;
        now[1].permitted = 0;
        now[1].effective = 0;
        now[1].inheritable = 0;

        if (syscall(SYS_capset, &head, now) != 0) {
            ngx_log_error(NGX_LOG_EMERG, cycle->log, ngx_errno,
                          "capset() failed");
            return NGX_ERROR;
        }
    }

    if (!SI_SANITIZED && prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) != 0) {
        ngx_log_error(NGX_LOG_WARN, cycle->log, ngx_errno,
                      "prctl(PR_SET_DUMPABLE) failed");
    }

    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0) {
        ngx_log_error(NGX_LOG_WARN, cycle->log, ngx_errno,
                      "prctl(PR_SET_NO_NEW_PRIVS) failed");
    }

    return NGX_OK;
}
