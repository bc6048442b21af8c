// CloudFront function, runtime cloudfront-js-2.0, for the event viewer response of the behaviour /is/*: caches behind
// CloudFront know no class, so they are told by which headers of their own requests replies differ.

function handler(event) {
    var headers = event.response.headers;
    if (headers.vary && /X-Smartimg-Class/i.test(headers.vary.value)) {
        headers.vary = {
            value: headers['accept-ch'] ? '@VARY_HINTS@' : 'Accept, User-Agent@VARY_NETWORK@'
        };
    }
    return event.response;
}
