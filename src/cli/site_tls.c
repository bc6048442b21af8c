#include "cli/site_parts.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

/* Runs openssl and waits for it. */
static bool run_openssl(const char *const *arguments) {
    pid_t pid = fork();
    if (pid == 0) {
        int null = open("/dev/null", O_RDWR);
        dup2(null, STDIN_FILENO);
        dup2(null, STDOUT_FILENO);
        dup2(null, STDERR_FILENO);
        umask(077);
        execvp("openssl", (char *const *)arguments);
        _exit(127);
    }
    int status;
    return pid > 0 && waitpid(pid, &status, 0) == pid && status == 0;
}

static bool make_certificate(si_site *s) {
    s->tls_cert = si_site_text(s, "%s/cert.pem", s->run);
    s->tls_key = si_site_text(s, "%s/key.pem", s->run);
    const char *const arguments[] = {"openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt",
        "ec_paramgen_curve:prime256v1", "-nodes", "-days", "90", "-subj", "/CN=localhost",
        "-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1,IP:::1", "-keyout", s->tls_key,
        "-out", s->tls_cert, NULL};
    if (!run_openssl(arguments)) {
        si_complain(
            "cannot make a certificate with openssl: name one with --tls-cert and --tls-key");
        return false;
    }
    si_complain("warning: HTTPS uses a self-signed certificate made just now, which browsers will "
                "not trust; name a real one with --tls-cert and --tls-key");
    return true;
}

bool si_site_prepare_tls(const si_site_options *o, si_site *s) {
    if ((o->tls_cert == NULL) != (o->tls_key == NULL)) {
        si_complain("--tls-cert and --tls-key go together");
        return false;
    }
    if (o->tls_listen == NULL) {
        return true;
    }
    if (o->tls_cert == NULL) {
        return make_certificate(s);
    }
    s->tls_cert = si_site_absolute(s, o->tls_cert);
    s->tls_key = si_site_absolute(s, o->tls_key);
    if (!si_site_readable(s->tls_cert) || !si_site_readable(s->tls_key)) {
        si_complain("cannot read %s", si_site_readable(s->tls_cert) ? s->tls_key : s->tls_cert);
        return false;
    }
    return true;
}
