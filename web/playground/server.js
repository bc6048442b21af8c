/* What the page asks the server for. Every function fails with an Error whose message is a sentence for people, or with
 * an AbortError. */

const BASE = '/.smartimg';

async function get(path, options) {
  try {
    return await fetch(path, {credentials: 'same-origin', ...options});
  } catch (error) {
    if (error.name === 'AbortError') throw error;
    throw new Error('The server does not answer. Is it still running?');
  }
}

/* Mistakes come as {"error": "…"}, or as a line of text from what stands before the endpoints. */
function mistake(text, status) {
  const line = text.trim();
  if (/^\{/.test(line)) {
    const told = JSON.parse(line).error;
    if (told) return told;
  }
  return line && line.length < 300 && !line.includes('<') ? line : `The server answered with status ${status}`;
}

async function json(path, options) {
  const reply = await get(path, options), text = await reply.text();
  let told = {};
  try {
    told = JSON.parse(text);
  } catch { /* told below */ }
  if (!reply.ok || told.error || text === '') throw new Error(sentence(mistake(text, reply.status)));
  return told;
}

/* The server says "kind of mistake: what exactly"; the second part is what a person needs. */
function sentence(text) {
  const t = text.trim().replace(/^[a-z ]+: /, '');
  return (/^\w+:/.test(t) ? t : t.charAt(0).toUpperCase() + t.slice(1)) + (/[.!?]$/.test(t) ? '' : '.');
}

function query(address, client, more = {}) {
  const q = new URLSearchParams({url: address, ...(client.class ? {class: client.class} : {}), ...more});
  return q.toString();
}

/* Scripts ask with Accept: * / *; images do not, and it is images that are compared. */
function headers(client) {
  return client.class ? {} : {Accept: client.accept};
}

export function pictures() {
  return json(`${BASE}/pictures`);
}

const told = new Map(), KEPT = 200;

/* How the reply to an address is chosen, for a client {class, accept}. */
export async function explain(address, client, signal) {
  const key = `${address} ${client.class}`;
  if (!told.has(key)) {
    const answer = await json(`${BASE}/explain?${query(address, client)}`, {signal, headers: headers(client)});
    if (told.size >= KEPT) told.delete(told.keys().next().value);
    told.set(key, answer);
    told.set(`${address} ${answer.client}`, answer);
  }
  return told.get(key);
}

/* What was delivered indeed counts for every client of that class. */
export function remember(address, client, answer) {
  for (const name of [client.class, answer.client]) told.set(`${address} ${name}`, answer);
}

export function viewUrl(address, client, which, asPng) {
  return `${BASE}/view?${query(address, client, {which, ...(asPng ? {as: 'png'} : {})})}`;
}

/* The receipt of a reply as {format, saved, score, target, effort}; null where there was nothing to choose. */
function receipt(reply) {
  const text = reply.headers.get('X-Smart-Imaging');
  if (!text) return null;
  const facts = Object.fromEntries(text.split(';').map(part => part.trim().split('=')));
  for (const name of ['saved', 'score', 'target']) facts[name] = Number(facts[name]);
  return facts;
}

/* A picture of the answer, "requested" or "sent": {blob, receipt}; `fresh` asks the server even if the browser has it. */
export async function view(address, client, which, {asPng, fresh}, signal) {
  const reply = await get(viewUrl(address, client, which, asPng),
    {signal, headers: headers(client), cache: fresh ? 'no-cache' : 'default'});
  if (!reply.ok) {
    const image = (reply.headers.get('Content-Type') ?? '').startsWith('image/');
    throw new Error(sentence(mistake(image ? '' : await reply.text(), reply.status)));
  }
  return {blob: await reply.blob(), receipt: receipt(reply)};
}

/* {id, expires} of a file that is now one of the pictures. */
export function upload(file) {
  return json(`${BASE}/uploads`, {
    method: 'POST',
    body: file,
    headers: {'X-File-Name': encodeURIComponent(file.name), 'Content-Type': file.type || 'application/octet-stream'},
  });
}
