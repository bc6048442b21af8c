# smartimg in a container, on Debian 13:
#
#   docker build -t smartimg .
#   docker run -p 8080:8080 -v ~/photos:/srv/images:ro smartimg
#
# docs/container.md tells more; tests/container executes what stands here without a container engine.

ARG DEBIAN=debian:trixie-slim

FROM ${DEBIAN} AS build
# system: the distribution's libaom, which needs no four minutes and makes larger AVIFs
ARG SMARTIMG_AOM=
WORKDIR /smartimg
# what is needed to build changes seldom, so it is a layer of its own
COPY tools/setup tools/lib.sh tools/
RUN tools/setup \
    && apt-get install --yes --no-install-recommends dpkg-dev
COPY . .
RUN tools/build build \
    && meson install -C build --no-rebuild --strip --quiet --destdir /image
# the packages of the libraries that were linked, and the very nginx that the module fits
RUN mkdir -p /packages/debian && cd /packages && touch debian/control \
    && dpkg-shlibdeps -O --ignore-missing-info -l/image/usr/local/lib/smartimg \
        -e/image/usr/local/bin/smartimg $(find /image/usr/local/lib/smartimg -name '*.so*' -printf '-e%p ') \
        | sed 's/^shlibs:Depends=//' > depends \
    && dpkg-query -W -f '${Provides}\n' nginx-common nginx | grep -o 'nginx-abi-[0-9.-]*' | sed 's/^/, /' >> depends

FROM ${DEBIAN}
COPY --from=build /packages/depends /usr/local/share/smartimg/depends
# openssl: the self-signed certificate of --tls-listen; fonts: letters of SVG drawings
RUN apt-get update \
    && apt-get satisfy --yes --no-install-recommends \
        "$(tr -d '\n' < /usr/local/share/smartimg/depends), nginx, openssl, ca-certificates, fonts-dejavu-core" \
    && rm -rf /var/lib/apt/lists/* /etc/nginx/sites-enabled/default
RUN groupadd --gid 10001 smartimg \
    && useradd --uid 10001 --gid smartimg --home-dir /nonexistent --no-create-home --shell /usr/sbin/nologin smartimg \
    && install --directory --owner smartimg --group smartimg /var/cache/smartimg
COPY --from=build /image/ /
COPY pictures/demo /srv/images/demo
USER 10001:10001
VOLUME /var/cache/smartimg
EXPOSE 8080 9145
STOPSIGNAL SIGTERM
# the image has no curl; a server that answers HTTPS alone, or wants the PROXY protocol, needs another check
HEALTHCHECK --interval=10s --timeout=5s --start-period=30s CMD ["bash", "-c", "exec 3<>/dev/tcp/127.0.0.1/8080 && printf 'GET /readyz HTTP/1.0\\r\\n\\r\\n' >&3 && grep -q '^HTTP/1.. 200' <&3"]
# docs/configuration.md: what follows the name of the image, or -e, overrides these
ENV SMARTIMG_ROOT=/srv/images \
    SMARTIMG_CACHE=/var/cache/smartimg \
    SMARTIMG_LISTEN=0.0.0.0:8080 \
    SMARTIMG_ADMIN_LISTEN=0.0.0.0:9145 \
    SMARTIMG_ACCESS_LOG=/dev/stdout \
    SMARTIMG_LOG_SIZE=0
ENTRYPOINT ["smartimg", "serve"]
