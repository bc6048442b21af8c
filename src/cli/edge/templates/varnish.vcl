# Varnish (7 or later) in front of `smartimg serve --trusted-edges ADDRESS-OF-VARNISH`: a handful of variants of each
# picture instead of one for every browser, first answers for a minute only, and purges. docs/cdn.md tells what it relies
# on; `smartimg edge-config varnish` prints it, and tests/cdn runs it.

vcl 4.1;

import std;

backend smartimg {
    .host = "@HOST@";
    .port = "@PORT@";
}

# Who may send PURGE.
acl purgers {
    "localhost";
    "127.0.0.1";
    "::1";
}

sub vcl_recv {
    if (req.method == "PURGE") {
        if (client.ip !~ purgers) {
            return (synth(405));
        }
        call smartimg_purge;
    }
    # Pictures depend on no cookie, and what is sent with one would not be kept.
    if (req.url ~ "^/is/") {
        unset req.http.Cookie;
        call smartimg_class;
    }
}

# PURGE of                                  makes fetched anew
#   /is/image/acme/shoe?wid=300             this reply, for all classes
#   /is/image/acme/shoe                     all replies of the object
#   /is/image/acme/  /is/                   all of the company, all
# Call `smartimg purge` first: what Varnish fetches next is to be new.
sub smartimg_purge {
    if (req.url ~ "\?") {
        return (purge);
    }
    if (req.url ~ "[^A-Za-z0-9/._~%$@:=+-]") {
        return (synth(400));
    }
    set req.http.X-Smartimg-Path = "^" + regsuball(req.url, "[.$+]", "\\\0");
    if (req.url !~ "/$") {
        # with its file's extension, too, and its smart crops
        set req.http.X-Smartimg-Path = req.http.X-Smartimg-Path + "([.:][^/]*)?$";
    }
    if (!std.ban("obj.http.X-Smartimg-Path ~ " + req.http.X-Smartimg-Path)) {
        return (synth(500, std.ban_error()));
    }
    return (synth(200, "Purged"));
}

# X-Smartimg-Class of the client, as smartimg itself reads the headers (src/client/client.h), and in
# X-Smartimg-Vary what decided. Without a class, smartimg does it.
sub smartimg_class {
    unset req.http.X-Smartimg-Class;
    set req.http.X-Smartimg-Vary = "Accept, User-Agent";
    std.collect(req.http.Accept);

    # Refusals, strange weights and quoted strings are rare, and no task for regular expressions.
    if (req.http.Accept ~ @STRANGE@) {
        return;
    }
    set req.http.X-Smartimg-Class = "";
@FORMATS@
    set req.http.X-Smartimg-Vary = "Accept";
    if (req.http.X-Smartimg-Class != "") {
        set req.http.X-Smartimg-Class = regsub(req.http.X-Smartimg-Class, "^\+", "");
    } else {
        set req.http.X-Smartimg-Class = "plain";
        if (req.http.Accept !~ "[^ \t]" || req.http.Accept ~ @WILDCARD@) {
            call smartimg_user_agent;
        }
    }
    call smartimg_pixel_ratio;
    call smartimg_network;
}

# The browsers that show JPEG 2000 or JPEG XR and do not say so (src/client/user_agent.h).
sub smartimg_user_agent {
    set req.http.X-Smartimg-Vary = "Accept, User-Agent";
@AGENTS@
}

# Browsers tell it only after Accept-CH, which companies with `Dpr = true` send; Apple's not at all.
sub smartimg_pixel_ratio {
@RATIOS@
}

sub smartimg_network {
@NETWORK@
}

sub vcl_backend_response {
    # What is served already is better than an error.
    if (beresp.status >= 500 && bereq.is_bgfetch) {
        return (abandon);
    }
    # For bans, which see objects and no requests.
    set beresp.http.X-Smartimg-Path = regsub(bereq.url, "\?.*$", "");
    # Varnish obeys s-maxage and stale-while-revalidate of Cache-Control by itself; this one goes first (RFC 9213).
    if (beresp.http.CDN-Cache-Control ~ "(?i)(^|,)\s*max-age=[0-9]+") {
        set beresp.ttl = std.duration(
            regsub(beresp.http.CDN-Cache-Control, "(?i)^(|.*,)\s*max-age=([0-9]+).*$", "\2") + "s", 0s);
    }
    if (beresp.http.CDN-Cache-Control ~ "(?i)(^|,)\s*stale-while-revalidate=[0-9]+") {
        set beresp.grace = std.duration(
            regsub(beresp.http.CDN-Cache-Control, "(?i)^(|.*,)\s*stale-while-revalidate=([0-9]+).*$", "\2") + "s", 0s);
    }
}

sub vcl_deliver {
    unset resp.http.X-Smartimg-Path;
    # Caches behind this one know no class.
    if (resp.http.Vary ~ "X-Smartimg-Class") {
        set resp.http.Vary = req.http.X-Smartimg-Vary;
        if (resp.http.Accept-CH) {
            set resp.http.Vary = @VARY_HINTS@;
        }@VARY_NETWORK@
    }
}
