/* What a service manager that started the server wants to know (sd_notify(3), the protocol of
 * systemd's Type=notify): when it answers, and when it ends. */
#ifndef SI_CLI_SERVICE_NOTIFY_H
#define SI_CLI_SERVICE_NOTIFY_H

#include <stdbool.h>

/* Sends `state`, such as "READY=1", to the socket that NOTIFY_SOCKET names. False, and nothing
 * happens, if there is none or it takes nothing. */
bool si_service_notify(const char *state);

#endif
