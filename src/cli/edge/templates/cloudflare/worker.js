// Cloudflare Worker for the route HOST/is/*: tells smartimg the class of the client in X-Smartimg-Class, and has
// Cloudflare keep a reply for each class. `smartimg edge-config cloudflare` prints it, docs/cdn.md tells what it relies
// on, tests/cdn runs it.

@CLASSIFY@
export default {
    async fetch(request) {
        var headers = new Headers(request.headers);
        headers.set('X-Smartimg-Class', classOf(function (name) {
            return request.headers.get(name) || '';
        }));
        // Pictures depend on no cookie.
        headers.delete('Cookie');
        var reply = await fetch(new Request(request, { headers: headers }), {
            cf: {
                cacheEverything: true,
                vary: {
                    default: { action: 'bypass' },
                    headers: { 'x-smartimg-class': { action: 'passthrough' } }
                }
            }
        });
        var vary = varyOf(reply.headers.get('Vary') || '', reply.headers.get('Accept-CH') || '');
        if (vary === (reply.headers.get('Vary') || '')) {
            return reply;
        }
        reply = new Response(reply.body, reply);
        reply.headers.set('Vary', vary);
        return reply;
    }
};
