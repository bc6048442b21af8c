# What the scripts share: the archive of the machine's distribution, and the folders in which
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

# Where a libaom is built: for root in a folder that everybody may read, for others in their home.
aom_of_all=/usr/local/lib/smartimg
aom_of_user=${XDG_CACHE_HOME:-${HOME:-/root}/.cache}/smartimg
aom_cache=$aom_of_user
if ((EUID == 0)) && [[ -z ${XDG_CACHE_HOME:-} ]]; then
    aom_cache=$aom_of_all
fi

# Remembers when a build failed, so that not every ./run tries again.
# shellcheck disable=SC2034
aom_failed=$aom_cache/aom-failed

# A home folder can be shared by machines of several kinds, so the name of the prefix says which.
# shellcheck disable=SC1091
aom_kind=$(. /etc/os-release && echo "${VERSION_CODENAME:-unknown}")-$(uname -m)

aom_prefix_for() {
    printf '%s/aom-%s-%s\n' "$aom_cache" "$1" "$aom_kind"
}

# Prints the folders that may have one: ours, that of all, and for root that of who owns this work tree, who
# says what is built and run here anyway.
aom_folders() {
    local owner home
    printf '%s\n' "$aom_cache" "$aom_of_user" "$aom_of_all"
    if ((EUID == 0)); then
        owner=$(stat -c %u "${BASH_SOURCE[0]}")
        home=$(getent passwd "$owner" | cut -d: -f6) || true
        [[ -z $home ]] || printf '%s\n' "$home/.cache/smartimg"
    fi
}

# Prints the newest prefix that is there and may be read, or nothing.
aom_cached() {
    local folder so
    while read -r folder; do
        for so in "$folder"/aom-*-"$aom_kind"/lib/libaom.so.3; do
            [[ ! -r $so ]] || printf '%s %s\n' "$(basename "${so%/lib/libaom.so.3}")" "${so%/lib/libaom.so.3}"
        done
    done < <(aom_folders) | sort -s -V -k 1,1 | tail -n 1 | cut -d' ' -f2-
}

aom_version() {
    sed -n 's/^Version: *//p' "$1/lib/pkgconfig/aom.pc"
}
