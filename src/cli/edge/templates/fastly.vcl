# Fastly in front of `smartimg serve --trusted-edges ADDRESSES-OF-FASTLY`: custom VCL, as the main file of a service whose
# backend is smartimg. `smartimg edge-config fastly` prints it, docs/cdn.md tells what it relies on.

# X-Smartimg-Class of the client, as smartimg itself reads the headers, and in X-Smartimg-Vary what decided. Without a
# class, smartimg does it.
sub smartimg_class {
  unset req.http.X-Smartimg-Class;
  set req.http.X-Smartimg-Vary = "Accept, User-Agent";
  std.collect(req.http.Accept, ",");

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
    if (req.http.Accept !~ "[^ ]" || req.http.Accept ~ @WILDCARD@) {
      call smartimg_user_agent;
    }
  }
  call smartimg_pixel_ratio;
  call smartimg_network;
}

# The browsers that show JPEG 2000 or JPEG XR and do not say so.
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

sub vcl_recv {
#FASTLY recv
  # A shield gets the class from the edge in front of it.
  if (req.url.path ~ "^/is/" && fastly.ff.visits_this_service == 0) {
    # Pictures depend on no cookie.
    unset req.http.Cookie;
    call smartimg_class;
  }
  if (req.method != "HEAD" && req.method != "GET" && req.method != "FASTLYPURGE") {
    return(pass);
  }
  return(lookup);
}

sub vcl_hash {
  set req.hash += req.url;
  set req.hash += req.http.host;
#FASTLY hash
  return(hash);
}

sub vcl_hit {
#FASTLY hit
  return(deliver);
}

sub vcl_miss {
#FASTLY miss
  return(fetch);
}

sub vcl_pass {
#FASTLY pass
  return(pass);
}

sub vcl_fetch {
#FASTLY fetch
  # s-maxage and stale-while-revalidate of Cache-Control are obeyed by default. What is served already is better than
  # an error.
  if (beresp.status >= 500 && stale.exists) {
    return(deliver_stale);
  }
  set beresp.stale_if_error = 86400s;
  # Purges: of an object, acme/shoe; of a company, acme; of all, smartimg.
  if (req.url.path ~ "^/is/(image|content)/(([^/]+)/[^.:]+)") {
    set beresp.http.Surrogate-Key = "smartimg " re.group.3 " " re.group.2;
  }
  return(deliver);
}

sub vcl_error {
#FASTLY error
  return(deliver);
}

sub vcl_deliver {
#FASTLY deliver
  # Caches behind this one know no class.
  if (fastly.ff.visits_this_service == 0 && resp.http.Vary ~ "X-Smartimg-Class") {
    set resp.http.Vary = req.http.X-Smartimg-Vary;
    if (resp.http.Accept-CH) {
      set resp.http.Vary = @VARY_HINTS@;
    }@VARY_NETWORK@
  }
  return(deliver);
}

sub vcl_log {
#FASTLY log
}
