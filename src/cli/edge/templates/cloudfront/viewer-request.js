// CloudFront function, runtime cloudfront-js-2.0, for the event viewer request of the behaviour /is/*: tells smartimg the
// class of the client in X-Smartimg-Class, which the cache policy has in its key. `smartimg edge-config cloudfront` prints
// it, docs/cdn.md tells what it relies on, tests/cdn runs it.

@CLASSIFY@
function handler(event) {
    var headers = event.request.headers;
    headers['x-smartimg-class'] = {
        value: classOf(function (name) {
            return headers[name] ? headers[name].value : '';
        })
    };
    return event.request;
}
