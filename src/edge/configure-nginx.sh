#!/bin/sh
# Makes the two headers that nginx's own configure writes and nginx-dev leaves
# out, with the flags of the distribution's nginx, so that the module is
# compatible with that binary.  Nothing is written outside the two folders.
#
# usage: configure-nginx.sh SOURCE OUTPUT SCRATCH
#   SOURCE   nginx-dev's sources, such as /usr/share/nginx/src
#   OUTPUT   gets ngx_auto_config.h and ngx_auto_headers.h
#   SCRATCH  for configure's tries

set -eu

source=$1
output=$(realpath "$2")
scratch=$(realpath -m "$3")

rm -rf "$scratch"
mkdir -p "$scratch"
# configure must run where its parts are, and older ones write a Makefile there
ln -s "$source/auto" "$source/src" "$source/configure" "$scratch/"

if ! flags=$(bash -c '. "$1/conf_flags" && printf "%s\n" "${NGX_CONF_FLAGS[@]}"' bash "$source"); then
    echo "$source/conf_flags: not the sources of nginx-dev" >&2
    exit 1
fi

cd "$scratch"
# shellcheck disable=SC2086 # one flag a line, none with blanks in it
if ! ./configure $flags --builddir=objs > configure.log 2>&1; then
    tail -n 20 configure.log >&2
    exit 1
fi
cp objs/ngx_auto_config.h objs/ngx_auto_headers.h "$output/"
