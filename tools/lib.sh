# What the scripts share: the archive of the machine's distribution, and the cache in which
# tools/setup may have built a newer libaom. To be sourced.
# shellcheck shell=bash

# Prints "SITE ENTRY-FILE" of each archive of this distribution in the configuration of apt. Where
# the lists say who made an archive, Debian itself comes first.
archives() {
    local codename
    # shellcheck disable=SC1091
    codename=$(. /etc/os-release && echo "${VERSION_CODENAME:-}")
    # shellcheck disable=SC2016
    apt-get indextargets --format '$(CREATED_BY)|$(COMPONENT)|$(RELEASE)|$(LABEL)|$(REPO_URI)|$(SOURCESENTRY)' |
        awk -F'|' -v codename="$codename" '
            $1 == "Packages" && $2 == "main" && $5 !~ /^cdrom:/ &&
            ($3 == codename || $3 ~ /^((old)*stable|testing|unstable|sid)$/) {
                sub(/:[0-9]+$/, "", $6)
                print ($4 == "Debian" ? 0 : 1) "|" $5 "|" $6
            }' | sort -u | cut -d'|' -f2- | tr '|' ' '
}

# shellcheck disable=SC2034
aom_wanted=3.13                        # the first with AOM_TUNE_SSIMULACRA2

aom_cache=${XDG_CACHE_HOME:-${HOME:-/root}/.cache}/smartimg

# Remembers when a build failed, so that not every ./run tries again.
# shellcheck disable=SC2034
aom_failed=$aom_cache/aom-failed

# A home folder can be shared by machines of several kinds, so the name of the prefix says which.
# shellcheck disable=SC1091
aom_kind=$(. /etc/os-release && echo "${VERSION_CODENAME:-unknown}")-$(uname -m)

aom_prefix_for() {
    printf '%s/aom-%s-%s\n' "$aom_cache" "$1" "$aom_kind"
}

# Prints the newest prefix in the cache, or nothing.
aom_cached() {
    local so
    so=$(find "$aom_cache" -maxdepth 3 -path "$(aom_prefix_for '*')/lib/libaom.so.3" 2>/dev/null |
        sort -V | tail -n 1)
    [[ -z $so ]] || printf '%s\n' "${so%/lib/libaom.so.3}"
}

aom_version() {
    sed -n 's/^Version: *//p' "$1/lib/pkgconfig/aom.pc"
}
