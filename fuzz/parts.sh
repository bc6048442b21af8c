# Builds the fuzz targets that render originals; to be sourced by fuzz/run.
# shellcheck shell=bash disable=SC2154

# shellcheck source=tools/lib.sh
source tools/lib.sh

# Name in SI_HAVE_* | packages of pkg-config
codecs=('JPEG|libjpeg' 'PNG|spng' 'WEBP|libwebp libwebpmux libwebpdemux' 'AVIF|libavif' 'JXL|libjxl' 'JP2|libopenjp2'
    'TIFF|libtiff-4' 'HEIC|libheif' 'HEIF|libheif' 'PDF|zlib')

# Leaves in `flags` and `link` what the compiler and the linker are told.
find_packages() {
    local row name list
    local -a packages=(vips lcms2 librsvg-2.0 expat zlib cairo pango harfbuzz freetype2 libcrypto libpcre2-8 libxxhash)
    flags=(-DSI_HAVE_GIF)
    for row in "${codecs[@]}"; do
        name=${row%|*} list=${row#*|}
        # shellcheck disable=SC2086
        if pkg-config --exists $list; then
            flags+=("-DSI_HAVE_$name")
            # shellcheck disable=SC2206
            packages+=($list)
        fi
    done
    local -a more
    read -ra more < <(pkg-config --cflags "${packages[@]}")
    flags+=("${more[@]}")
    read -ra link < <(pkg-config --libs "${packages[@]}")
}

# One source; `flags` and `compile` come as arguments.
compile_one() {
    local source=$1 object=build-fuzz/parts/${1//\//-}.o
    shift
    "$@" -fsanitize=fuzzer-no-link,address,undefined -c "$source" -o "$object"
}
export -f compile_one

# What reads, renders and knows recipes, once for all kinds.
build_parts() {
    local source newest object
    newest=$(find src -name '*.h' -printf '%T@ %p\n' | sort -n | tail -n 1 | cut -d' ' -f2)
    mkdir -p build-fuzz/parts
    while read -r source; do
        object=build-fuzz/parts/${source//\//-}.o
        if [[ ! -e $object || $source -nt $object || $newest -nt $object ]]; then
            printf '%s\0' "$source"
        fi
    done < <(find src/base src/picture src/richtext src/codec src/render -name '*.c' ! -name jxr.c) |
        xargs -0 -r -n 1 -P "$(nproc)" bash -c 'compile_one "${@: -1}" "${@:1:$#-1}"' bash "${compile[@]}" "${flags[@]}"
}

# The target for a kind of originals.
build_target() {
    local own=${XDG_CACHE_HOME:-${HOME:-/root}/.cache}/smartimg/fuzz-$aom_kind/lib
    find_packages
    build_parts
    if [[ ! -e $own/libvips.so.42 ]]; then
        echo "fuzz/run: libraries are the distribution's, without AddressSanitizer: fuzz/build-libraries builds them" >&2
    fi
    clang -g -O1 -fsanitize=fuzzer,address,undefined "${compile[@]:1}" "${flags[@]}" "-DFUZZ_KIND=\"$1\"" fuzz/original.c \
        fuzz/mutate.c build-fuzz/parts/*.o -o "build-fuzz/$1" -L"$own" -Wl,--disable-new-dtags,-rpath,"$own" "${link[@]}" \
        -lgif -lm -pthread
}
