// Classes that the JavaScript of `smartimg edge-config` tells: reads requests as JSON, lists of headers, and prints for
// each edge what it told smartimg of each request.
//
//     node run-edges.mjs FOLDER < requests.json
//
// FOLDER has the files that edge-config has written, those of each edge in a folder of its name.

import fs from 'node:fs';
import path from 'node:path';
import { pathToFileURL } from 'node:url';
import vm from 'node:vm';

const folder = process.argv[2];
const requests = JSON.parse(fs.readFileSync(0, 'utf8'));

function lower(headers) {
    return Object.fromEntries(Object.entries(headers).map(([name, value]) => [name.toLowerCase(), value]));
}

// CloudFront runs a script that defines handler(); headers are {name: {value}}.
function cloudfront() {
    const context = vm.createContext({});
    vm.runInContext(fs.readFileSync(path.join(folder, 'cloudfront/viewer-request.js'), 'utf8'), context);
    return requests.map((headers) => {
        const event = {
            version: '1.0',
            context: { eventType: 'viewer-request' },
            request: {
                method: 'GET', uri: '/is/image/a/b', querystring: {}, cookies: {},
                headers: Object.fromEntries(Object.entries(lower(headers)).map(([n, v]) => [n, { value: v }]))
            }
        };
        return context.handler(event).headers['x-smartimg-class'].value;
    });
}

// What CloudFront's other function makes of Vary.
function cloudfrontVary() {
    const context = vm.createContext({});
    vm.runInContext(fs.readFileSync(path.join(folder, 'cloudfront/viewer-response.js'), 'utf8'), context);
    return [{ vary: 'X-Smartimg-Class' }, { vary: 'X-Smartimg-Class', 'accept-ch': 'Sec-CH-DPR' }, { vary: 'Origin' }, {}].map((headers) => {
        const reply = context.handler({
            response: { headers: Object.fromEntries(Object.entries(headers).map(([n, v]) => [n, { value: v }])) }
        });
        return reply.headers.vary ? reply.headers.vary.value : null;
    });
}

// A module, whatever the ending of its name is.
async function load(name) {
    const copy = path.join(folder, name + '.mjs');
    fs.copyFileSync(path.join(folder, name), copy);
    return import(pathToFileURL(copy));
}

async function cloudflare() {
    const worker = (await load('cloudflare/worker.js')).default;
    const told = [], vary = [];
    let options, cookies = 0;
    globalThis.fetch = async (request, how) => {
        told.push(request.headers.get('X-Smartimg-Class'));
        cookies += request.headers.has('Cookie');
        options = how.cf;
        return new Response('', { headers: { Vary: 'X-Smartimg-Class' } });
    };
    for (const headers of requests) {
        const reply = await worker.fetch(
            new Request('https://example.com/is/image/a/b?wid=1', { headers: { Cookie: 'a=b', ...headers } }));
        vary.push(reply.headers.get('Vary'));
    }
    return { told, vary: [...new Set(vary)], options, cookies };
}

async function akamai() {
    const worker = await load('akamai/main.js');
    const keys = [];
    return {
        told: requests.map((headers) => {
            const sent = lower(headers), variables = {};
            worker.onClientRequest({
                getHeader: (name) => (name.toLowerCase() in sent ? [sent[name.toLowerCase()]] : null),
                setVariable: (name, value) => { variables[name] = value; },
                cacheKey: { includeVariable: (name) => keys.push(variables[name]) }
            });
            return variables.PMUSER_SMARTIMG_CLASS;
        }),
        keys
    };
}

console.log(JSON.stringify({
    cloudfront: cloudfront(), cloudfrontVary: cloudfrontVary(), cloudflare: await cloudflare(), akamai: await akamai()
}));
