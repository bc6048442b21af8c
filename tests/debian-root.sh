# A minimal Debian in a folder, and commands in it that leave nothing behind. To be sourced, after tools/lib.sh, by scripts
# that have in `suite` the release, in `site` the archive, and in `temporary` a folder that they remove at the end.
# shellcheck shell=bash

# start COMMAND... runs it in mount and process namespaces of its own, of which it is the first process.
# Whatever it leaves behind ends with it, and it ends with its parent, whose number is in inhabitant.
start() {
    unshare --mount --pid --fork --kill-child "$@" </dev/null &
    inhabitant=$!
}

# Waits for what was started; unlike a command in the foreground, this can be interrupted.
finished() {
    local code=0
    wait "$inhabitant" || code=$?
    inhabitant=
    return "$code"
}

# How this machine reaches the archive, such as through a proxy, is how the new one in folder $1 does. What is
# installed there need not survive a power cut.
reach_archive_like_host() {
    cp -L /etc/resolv.conf /etc/hosts "$1/etc/"
    echo force-unsafe-io >"$1/etc/dpkg/dpkg.cfg.d/temporary"
    apt-config dump | grep -E '^Acquire::(https?::(Proxy|CA)|Check-|Retries|ForceIPv)' \
        >"$1/etc/apt/apt.conf.d/90host" || true
    # shellcheck disable=SC2154
    if [[ $suite != bookworm ]]; then
        # The newer releases write their sources in the newer form, so both forms are tried.
        rm -f "$1/etc/apt/sources.list"
        # shellcheck disable=SC2154
        printf 'Types: deb\nURIs: %s\nSuites: %s\nComponents: main\nSigned-By: %s\n' "$site" "$suite" \
            /usr/share/keyrings/debian-archive-keyring.gpg >"$1/etc/apt/sources.list.d/debian.sources"
    fi
}

# Makes folder $1 a minimal Debian.
bootstrap() {
    local proxy
    proxy=$(apt-config shell proxy Acquire::http::Proxy)
    eval "$proxy"
    if [[ -n $proxy ]]; then
        export http_proxy=$proxy
    fi
    # shellcheck disable=SC2154
    start debootstrap --variant=minbase "$suite" "$1" "$site" >"$temporary/debootstrap.log" 2>&1
    if ! finished; then
        tail -n 20 "$temporary/debootstrap.log"
        return 1
    fi
    reach_archive_like_host "$1"
}

# Puts the work tree $1 into folder $2, without what builds have made.
copy_work_tree() {
    mkdir -p "$2"
    (cd "$1" && git ls-files -z --cached --others --exclude-standard |
        tar --create --null --files-from=- --ignore-failed-read 2>/dev/null) |
        tar --extract --no-same-owner --directory="$2"
}

# start_in ROOT FOLDER COMMAND... runs it in a folder of the root, as a child of the first process.
start_in() {
    # shellcheck disable=SC2016
    start bash -c '
        root=$1 folder=$2
        shift 2
        mount -t proc proc "$root/proc"
        mount -t tmpfs tmpfs "$root/dev/shm" && chmod 1777 "$root/dev/shm"
        mount -t devpts -o ptmxmode=666 devpts "$root/dev/pts"
        chroot "$root" /usr/bin/env -i HOME=/root PATH=/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin LC_ALL=C.UTF-8 \
            TERM=dumb DEBIAN_FRONTEND=noninteractive bash -c "cd \"\$0\" && exec \"\$@\"" "$folder" "$@" &
        child=$!
        trap "kill -TERM $child" TERM
        while wait "$child"; code=$?; kill -0 "$child" 2>/dev/null; do
            :
        done
        exit "$code"' bash "$@"
}
