# Varnish (7 or later) in front of `smartimg serve --trusted-edges ADDRESS-OF-VARNISH`: a handful of variants of each
# picture instead of one for every browser, first answers for a minute only, and purges. docs/cdn.md tells what it relies
# on; `smartimg edge-config varnish` prints it, and tests/cdn runs it.

vcl 4.1;

import std;

backend smartimg {
    .host = "127.0.0.1";
    .port = "8080";
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
    if (req.http.Accept ~ {"(?i)["\\]|;\s*q(?!\s*=\s*(0?\.[0-9]*[1-9][0-9]*|1(\.0*)?)\s*(,|;|$))"}) {
        return;
    }
    set req.http.X-Smartimg-Class = "";
    if (req.http.Accept ~ "(?i)(^|,)\s*image/avif\s*(,|;|$)") {
        set req.http.X-Smartimg-Class = req.http.X-Smartimg-Class + "+avif";
    }
    if (req.http.Accept ~ "(?i)(^|,)\s*image/jxl\s*(,|;|$)") {
        set req.http.X-Smartimg-Class = req.http.X-Smartimg-Class + "+jxl";
    }
    if (req.http.Accept ~ "(?i)(^|,)\s*image/webp\s*(,|;|$)") {
        set req.http.X-Smartimg-Class = req.http.X-Smartimg-Class + "+webp";
    }
    if (req.http.Accept ~ "(?i)(^|,)\s*image/jp2\s*(,|;|$)") {
        set req.http.X-Smartimg-Class = req.http.X-Smartimg-Class + "+jp2";
    }
    if (req.http.Accept ~ "(?i)(^|,)\s*image/(jxr|vnd\.ms-photo)\s*(,|;|$)") {
        set req.http.X-Smartimg-Class = req.http.X-Smartimg-Class + "+jxr";
    }
    set req.http.X-Smartimg-Vary = "Accept";
    if (req.http.X-Smartimg-Class != "") {
        set req.http.X-Smartimg-Class = regsub(req.http.X-Smartimg-Class, "^\+", "");
    } else {
        set req.http.X-Smartimg-Class = "plain";
        if (req.http.Accept !~ "[^ \t]" || req.http.Accept ~ "(?i)(^|,)\s*(\*|image)/\*\s*(,|;|$)") {
            call smartimg_user_agent;
        }
    }
    call smartimg_pixel_ratio;
    call smartimg_network;
}

# The browsers that show JPEG 2000 or JPEG XR and do not say so (src/client/user_agent.h).
sub smartimg_user_agent {
    set req.http.X-Smartimg-Vary = "Accept, User-Agent";
    if (req.http.User-Agent ~ "(?i)(bot|crawl|http|preview|spider)") {
        set req.http.X-Smartimg-Class = "plain";
    } elseif (req.http.User-Agent ~ "\bEdge[/ ]1[2-7](?![0-9])") {
        set req.http.X-Smartimg-Class = "jxr";
    } elseif (req.http.User-Agent ~ "^(?!.*\bEdge\b).*\bTrident[/ ]([5-9]|[1-9][0-9])") {
        set req.http.X-Smartimg-Class = "jxr";
    } elseif (req.http.User-Agent ~ "^(?!.*\b(Edge|Trident|Opera)\b).*\bMSIE[/ ](9|[1-9][0-9])") {
        set req.http.X-Smartimg-Class = "jxr";
    } elseif (req.http.User-Agent ~ "^(?!.*\bAppleWebKit\b)") {
        set req.http.X-Smartimg-Class = "plain";
    } elseif (req.http.User-Agent ~ "\b(Android|Chrome|Edg|Silk)\b") {
        set req.http.X-Smartimg-Class = "plain";
    } elseif (req.http.User-Agent ~ "\b(CPU|iPhone)[^A-Za-z0-9]+OS[/ ]([5-9]|1[0-3])(?![0-9])") {
        set req.http.X-Smartimg-Class = "jp2";
    } elseif (req.http.User-Agent ~ "\b(CPU|iPhone)[^A-Za-z0-9]+OS\b") {
        set req.http.X-Smartimg-Class = "plain";
    } elseif (req.http.User-Agent ~ "^(?!.*\bMacintosh\b)") {
        set req.http.X-Smartimg-Class = "plain";
    } elseif (req.http.User-Agent ~ "\bGecko[^A-Za-z0-9]+Version[/ ]([5-9]|1[0-3])(?![0-9])") {
        set req.http.X-Smartimg-Class = "jp2";
    } elseif (req.http.User-Agent ~ "^(?=.*\bOS[^A-Za-z0-9]+X[/ ]10(?![0-9])).*\bGecko[^A-Za-z0-9]+Version[/ ]1[45](?![0-9])") {
        set req.http.X-Smartimg-Class = "jp2";
    }
}

# Browsers tell it only after Accept-CH, which companies with `Dpr = true` send; Apple's not at all.
sub smartimg_pixel_ratio {
    if (!req.http.Sec-CH-DPR && req.http.DPR) {
        set req.http.Sec-CH-DPR = req.http.DPR;
    }
    if (req.http.Sec-CH-DPR ~ "^\s*0*(([3-9]|[1-9][0-9][0-9]*)(\.[0-9]*)?|2\.([6-9][0-9]*|50*[1-9][0-9]*)|2\.50*)\s*$") {
        set req.http.X-Smartimg-Class = req.http.X-Smartimg-Class + ";dpr=3";
    } elseif (req.http.Sec-CH-DPR ~ "^\s*0*(([2-9]|[1-9][0-9][0-9]*)(\.[0-9]*)?|1\.([8-9][0-9]*|7[6-9][0-9]*|750*[1-9][0-9]*)|1\.750*)\s*$") {
        set req.http.X-Smartimg-Class = req.http.X-Smartimg-Class + ";dpr=2";
    } elseif (req.http.Sec-CH-DPR ~ "^\s*0*(([2-9]|[1-9][0-9][0-9]*)(\.[0-9]*)?|1\.([3-9][0-9]*|2[6-9][0-9]*|250*[1-9][0-9]*)|1\.250*)\s*$") {
        set req.http.X-Smartimg-Class = req.http.X-Smartimg-Class + ";dpr=1.5";
    } elseif (req.http.Sec-CH-DPR ~ "^(?=.*[1-9])\s*[0-9]*(\.[0-9]*)?\s*$") {
        # 1
    } elseif (req.http.Accept !~ "(?i)(^|,)\s*image/apng\s*(,|;|$)") {
        if (req.http.User-Agent ~ "(?i)(bot|crawl|http|preview|spider)") {
            # 1
        } elseif (req.http.User-Agent ~ "\b(Android|Chrome|Edg|Silk)\b") {
            # 1
        } elseif (req.http.User-Agent ~ "^(?=.*\biPad;).*\b(CPU|iPhone)[^A-Za-z0-9]+OS\b(?![/ ][1-9][0-9])") {
            # 1
        } elseif (req.http.User-Agent ~ "\biPad;") {
            set req.http.X-Smartimg-Class = req.http.X-Smartimg-Class + ";dpr=2";
        } elseif (req.http.User-Agent ~ "\b(CPU|iPhone)[^A-Za-z0-9]+OS\b(?![/ ]([7-9]|[1-9][0-9]))") {
            # 1
        } elseif (req.http.User-Agent ~ "\b(iPhone;|iPod\b)") {
            set req.http.X-Smartimg-Class = req.http.X-Smartimg-Class + ";dpr=2";
        }
    }
}

sub smartimg_network {
    # not used
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
            set resp.http.Vary = "Accept, User-Agent, Sec-CH-DPR, DPR";
        }
    }
}
