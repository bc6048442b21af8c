/* The playground: one state, an address and who asks for it. Everything on the page shows it or changes it. */

import * as address from './address.js';
import * as clients from './clients.js';
import * as controls from './controls.js';
import * as results from './results.js';
import * as server from './server.js';
import * as stage from './stage.js';

const $ = id => document.getElementById(id);

/* What a picture is first asked for with. */
const FIRST_WIDTH = 800, FIRST_QUALITY = 85;
/* Milliseconds: until what is typed is asked for; until the other browsers are asked about. */
const TYPING = 300, IDLE = 700;
/* Seconds after which the page looks whether the server has found something better, one after the other; then no more. */
const LOOKS = [3, 5, 8, 15, ...Array(18).fill(30)];
/* More pictures than this have a field to find one. */
const FEW = 12;

const state = {address: '', browser: 'this', density: '', network: '', zoom: 'fit', divider: 50};
let pictures = [], uploads = {on: false}, expiry = new Map();

function clientOf(id = state.browser) {
  return {class: clients.classOf({...state, browser: id}), accept: clients.acceptOf(id)};
}

function say(id, text) {
  if ($(id).textContent !== text) $(id).textContent = text;
}

/* ---- the link of a view ---- */

const DEFAULTS = {browser: 'this', density: '', network: '', zoom: 'fit', divider: 50};

function writeLink() {
  const q = new URLSearchParams({url: state.address});
  for (const [name, value] of Object.entries(DEFAULTS)) if (state[name] !== value) q.set(name, state[name]);
  history.replaceState(null, '', `#${q}`);
}

function readLink() {
  const q = new URLSearchParams(location.hash.slice(1));
  const one = (name, words) => words.includes(q.get(name)) ? q.get(name) : DEFAULTS[name];
  const radios = name => [...document.querySelectorAll(`input[name=${name}]`)].map(r => r.value);
  state.browser = one('browser', clients.BROWSERS.map(b => b.id));
  for (const name of ['density', 'network', 'zoom']) state[name] = one(name, radios(name));
  const divider = Number(q.get('divider') ?? DEFAULTS.divider);
  state.divider = divider >= 0 && divider <= 100 ? Math.round(divider) : DEFAULTS.divider;
  const url = q.get('url') ?? '';
  return url.startsWith('/is/image/') ? address.cleaned(url) : '';
}

/* ---- asking ---- */

let asked = new AbortController(), timer = 0, others = 0, look = 0;

/* Asks soon: at once for a choice, a moment later for what is being typed. Who asked before is not answered any more. */
function ask(typed = false) {
  clearTimeout(timer);
  clearTimeout(others);
  clearTimeout(look);
  asked.abort();
  asked = new AbortController();
  stage.setBusy(true);
  document.body.classList.add('busy');
  timer = setTimeout(answer, typed ? TYPING : 0, asked.signal);
}

async function answer(signal) {
  const url = state.address, client = clientOf();
  try {
    const explained = await server.explain(url, client, signal);
    const [requested, sent] = await Promise.all(['requested', 'sent'].map(which =>
      picture(url, client, which, {asPng: !clients.shows(explained[which].format)}, signal)));
    const told = await deliver(explained, requested, sent, signal);
    if (signal.aborted) return;
    others = setTimeout(askOthers, IDLE, signal);
    lookLater(told, {url, client, explained, requested, sent, signal});
  } catch (error) {
    if (signal.aborted) return;
    results.clear();
    clearBrowsers();
    stage.fail(error.message, () => ask());
  }
  stage.setBusy(false);
  document.body.classList.remove('busy');
  showThumbnails();
}

/* A picture that this browser shows: as PNG if `how` says so, or if it turns out to need that. */
async function picture(url, client, which, how, signal) {
  const got = await server.view(url, client, which, how, signal);
  if (how.asPng || clients.showsType(got.blob.type)) return {...got, asPng: how.asPng};
  return picture(url, client, which, {...how, asPng: true}, signal);
}

/* Shows pictures and numbers; what was delivered indeed. */
async function deliver(explained, requested, sent, signal) {
  const told = results.asDelivered(explained, sent);
  await stage.show({requested: requested.blob, sent: sent.blob}, texts(told), signal);
  if (!signal.aborted) {
    results.show(told);
    server.remember(state.address, clientOf(), told);
    for (const {id} of clients.BROWSERS) if (sameClass(id, told.client)) showBrowser(id, told);
  }
  return told;
}

/* The server goes on searching while it is idle: what it finds is shown as soon as the page sees it. */
function lookLater(told, shown, turn = 0) {
  if (!told.effort || told.effort === 'best' || turn >= LOOKS.length) return;
  look = setTimeout(async () => {
    const {url, client, explained, requested, signal} = shown;
    try {
      const sent = await picture(url, client, 'sent', {asPng: shown.sent.asPng, fresh: true}, signal);
      const size = results.asDelivered(explained, sent).sent.bytes;
      const found = size === told.sent.bytes ? told : await deliver(explained, requested, sent, signal);
      if (!signal.aborted) lookLater({...found, effort: sent.receipt?.effort}, {...shown, sent}, turn + 1);
    } catch { /* what is shown stays */ }
  }, LOOKS[turn] * 1000);
}

function texts(told) {
  const name = address.pictureOf(state.address);
  const one = (word, e) => {
    const converted = clients.shows(e.format) ? '' : ', shown as PNG';
    return {
      tag: `${word} · ${results.formatName(e.format)} · ${results.bytes(e.bytes)}${converted}`,
      alt: `${name}, ${word.toLowerCase()}: ${results.formatName(e.format)}, ${results.bytes(e.bytes)}${converted}`,
    };
  };
  return {requested: one('Requested', told.requested), sent: one('Delivered', told.sent)};
}

function sameClass(id, name) {
  return id === state.browser || clientOf(id).class === name;
}

/* What the other browsers would get, one after the other, while nothing else is to be done. */
async function askOthers(signal) {
  for (const {id} of clients.BROWSERS) {
    if (signal.aborted) return;
    try {
      showBrowser(id, await server.explain(state.address, clientOf(id), signal));
    } catch {
      if (signal.aborted) return;
      showBrowser(id, null);
    }
  }
}

/* ---- browsers ---- */

function makeBrowsers() {
  $('browsers').replaceChildren(...clients.BROWSERS.map(({id, name}) => {
    const label = document.createElement('label'), input = document.createElement('input');
    const face = document.createElement('span'), title = document.createElement('b');
    const told = document.createElement('span');
    Object.assign(input, {type: 'radio', name: 'browser', value: id, checked: id === state.browser});
    title.textContent = name;
    told.id = `browser-${id}`;
    told.className = 'told';
    told.textContent = '…';
    face.append(title, told);
    label.append(input, face);
    return label;
  }));
}

function showBrowser(id, told) {
  say(`browser-${id}`, told
    ? `${results.formatName(told.sent.format)} ${told.sent.bytes === told.requested.bytes ? 'as requested'
      : results.percent(results.saving(told.requested.bytes, told.sent.bytes))}`
    : '–');
}

function clearBrowsers() {
  for (const {id} of clients.BROWSERS) say(`browser-${id}`, '…');
}

/* ---- changes ---- */

function showAddress() {
  if ($('address') !== document.activeElement || document.activeElement.value !== state.address)
    $('address').value = state.address;
  controls.showItems(address.parse(state.address).items);
  say('who-note', clientNote());
  const id = address.pictureOf(state.address);
  for (const radio of document.querySelectorAll('input[name=picture]')) radio.checked = radio.value === id;
  const until = expiry.get(id);
  say('upload-note', until ? `Only you can see it, until ${new Date(until * 1000).toLocaleTimeString('en', {hour: '2-digit', minute: '2-digit', hour12: false})}.` : uploadRules());
}

function setAddress(text, typed = false) {
  if (text === state.address) return;
  state.address = text;
  clearBrowsers();
  showAddress();
  writeLink();
  ask(typed);
}

function choosePicture(id, typed = false) {
  const {items} = address.parse(state.address);
  // a part of the picture before is no part of this one
  const kept = ['crop', 'rgn', 'rect'].reduce((rest, name) => address.withValue(rest, name, ''), items);
  say('address-note', '');
  setAddress(address.print({path: address.pathOf(id), items: kept}), typed);
}

/* Density and network count where the address, or the company, switches them on. */
const SWITCHES = {density: 'dpr', network: 'network'};

function clientNote() {
  const {items} = address.parse(state.address);
  return Object.entries(SWITCHES).filter(([name]) => state[name]).map(([name, command]) => {
    const value = address.valueOf(items, command)?.toLowerCase();
    if (value?.startsWith('off')) return `The address says ${command}=off, so the ${name} changes nothing.`;
    return value === undefined ? `The ${name} counts with ${command}=on, which the address does not say.` : '';
  }).filter(Boolean).join(' ');
}

function changeClient(name, value) {
  state[name] = value;
  const {path, items} = address.parse(state.address), command = SWITCHES[name];
  const adds = command && value && address.valueOf(items, command) === undefined;
  if (adds) state.address = address.print({path, items: address.withValue(items, command, 'on')});
  showAddress();
  if (adds) say('who-note', `${command}=on was added to the address.`);
  writeLink();
  if (name !== 'browser') clearBrowsers();
  ask();
}

function takeAddress(typed) {
  const text = $('address').value;
  const taken = address.adopt(text, {
    host: location.host,
    current: address.pictureOf(state.address),
    known: id => pictures.some(p => p.id === id),
    named: name => pictures.find(p => p.id.split('/').at(-1) === name)?.id,
  });
  say('address-note', taken.error ?? taken.note);
  $('address').setAttribute('aria-invalid', String(Boolean(taken.error)));
  if (taken.address) setAddress(taken.address, typed);
}

/* ---- pictures ---- */

function thumbnail(id, side) {
  return `${address.pathOf(id)}?wid=${side}&hei=${side}&fit=crop&qlt=75&bfc=on`;
}

function makeGrid() {
  const wanted = $('filter').value.trim().toLowerCase(), chosen = address.pictureOf(state.address);
  const found = pictures.filter(p => p.id.toLowerCase().includes(wanted));
  $('grid').replaceChildren(...found.map(p => {
    const label = document.createElement('label'), input = document.createElement('input');
    const image = document.createElement('img'), name = document.createElement('span');
    Object.assign(input, {type: 'radio', name: 'picture', value: p.id, checked: p.id === chosen});
    Object.assign(image, {alt: '', width: 96, height: 96, loading: 'lazy', decoding: 'async'});
    image.dataset.of = p.id;
    name.textContent = p.id.split('/').at(-1);
    label.title = `${p.id}, ${results.formatName(p.kind)}, ${results.bytes(p.bytes)}`;
    label.append(input, image, name);
    return label;
  }));
  if (answered) showThumbnails();
  $('grid-note').hidden = found.length > 0;
  say('grid-note', pictures.length ? `No picture is called “${$('filter').value.trim()}”.` : 'The folder has no picture yet.');
}

const limit = () => `${Math.floor(uploads.max_bytes / 2 ** 20)} MB`;

let answered = false;

/* Not before the first answer, which is what the visitor came for: the server's search is as good as it has time. */
function showThumbnails() {
  answered = true;
  for (const image of $('grid').querySelectorAll('img:not([src])')) {
    const id = image.dataset.of;
    image.srcset = `${thumbnail(id, 96)} 1x, ${thumbnail(id, 192)} 2x`;
    image.src = thumbnail(id, 96);
  }
}

function uploadRules() {
  const minutes = Math.round(uploads.seconds / 60);
  return uploads.on ? `At most ${limit()}. Only you can see it, for ${minutes} minutes.` : '';
}

async function loadPictures() {
  const told = await server.pictures();
  pictures = told.pictures;
  uploads = told.uploads ?? {on: false};
  $('upload').hidden = !uploads.on;
  $('filter-row').hidden = pictures.length <= FEW;
  makeGrid();
  if (told.truncated) {
    $('grid-note').hidden = false;
    say('grid-note', `The first ${pictures.length} pictures. An address reaches the others.`);
  }
}

/* The largest photograph: there is most to gain, and that shows. */
function firstPicture() {
  const photos = pictures.filter(p => p.kind === 'jpeg');
  return (photos.length ? photos : pictures).reduce((a, b) => b.bytes > a.bytes ? b : a);
}

async function upload(file) {
  if (file.size > uploads.max_bytes) {
    say('upload-note', `${file.name} has ${results.bytes(file.size)}; at most ${limit()} are taken.`);
    return;
  }
  say('upload-note', `Uploading ${file.name}…`);
  try {
    const {id, expires} = await server.upload(file);
    expiry.set(id, expires);
    await loadPictures();
    choosePicture(id);
  } catch (error) {
    say('upload-note', error.message);
  }
}

/* ---- copying ---- */

async function copy(text, button, what) {
  try {
    await navigator.clipboard.writeText(text);
  } catch {
    // plain http has no clipboard for scripts
    const field = document.createElement('textarea');
    field.value = text;
    field.className = 'unseen';
    document.body.append(field);
    field.select();
    document.execCommand('copy');
    field.remove();
    button.focus();
  }
  const before = button.dataset.text ??= button.textContent;
  button.textContent = 'Copied';
  say('announce', `${what} copied.`);
  setTimeout(() => {
    button.textContent = before;
    say('announce', '');
  }, 1600);
}

const absolute = () => new URL(state.address, location.origin).href;

function curlCommand() {
  const suffix = {jpeg: 'jpg', tiff: 'tif'};
  const format = $('sent-format').textContent;
  const name = Object.entries({avif: 'AVIF', webp: 'WebP', png: 'PNG', gif: 'GIF', jxl: 'JPEG XL', jp2: 'JPEG 2000', jxr: 'JPEG XR'})
    .find(([, text]) => text === format)?.[0] ?? 'jpeg';
  const file = `${address.pictureOf(state.address).split('/').at(-1)}.${suffix[name] ?? name}`;
  return clients.curl(state, absolute(), file);
}

/* ---- wiring ---- */

function showState() {
  for (const name of ['browser', 'density', 'network', 'zoom'])
    for (const radio of document.querySelectorAll(`input[name=${name}]`)) radio.checked = radio.value === state[name];
  stage.setZoom(state.zoom);
  stage.setDivider(state.divider);
}

function listen() {
  controls.onChange((change, typed) => {
    const {path, items} = address.parse(state.address);
    setAddress(address.print({path, items: change(items)}), typed);
  });
  $('grid').addEventListener('change', event => choosePicture(event.target.value, true));
  $('filter').addEventListener('input', makeGrid);
  $('address').addEventListener('input', () => takeAddress(true));
  $('address-form').addEventListener('submit', event => {
    event.preventDefault();
    takeAddress(false);
    showAddress();
  });
  for (const name of ['browsers', 'density', 'network'])
    $(name).addEventListener('change', event => changeClient(event.target.name, event.target.value));
  $('zoom').addEventListener('change', event => {
    state.zoom = event.target.value;
    stage.setZoom(state.zoom);
    writeLink();
  });
  $('divider').addEventListener('input', () => { state.divider = Number($('divider').value); });
  $('divider').addEventListener('change', writeLink);
  $('copy-address').addEventListener('click', event => copy(absolute(), event.currentTarget, 'Address'));
  $('copy-link').addEventListener('click', event => copy(location.href, event.currentTarget, 'Link'));
  $('copy-curl').addEventListener('click', event => copy(curlCommand(), event.currentTarget, 'Command'));
  $('file').addEventListener('change', () => {
    if ($('file').files.length) upload($('file').files[0]);
    $('file').value = '';
  });
  // the fragment is the view's: the skip link must not change it
  document.querySelector('.skip').addEventListener('click', event => {
    event.preventDefault();
    $('stage').focus();
  });
  addEventListener('hashchange', () => {
    if (!new URLSearchParams(location.hash.slice(1)).has('url')) return;
    const before = state.address, url = readLink();
    showState();
    if (url && url !== before) setAddress(url);
    else ask();
  });
}

function listenForFiles() {
  let depth = 0;
  const hasFile = event => uploads.on && [...event.dataTransfer.types].includes('Files');
  const leave = () => { depth = 0; $('dropzone').hidden = true; };
  addEventListener('dragenter', event => {
    if (hasFile(event)) depth++;
    $('dropzone').hidden = depth === 0;
  });
  addEventListener('dragleave', () => { if (--depth <= 0) leave(); });
  addEventListener('dragover', event => { if (hasFile(event)) event.preventDefault(); });
  addEventListener('drop', event => {
    if (!hasFile(event)) return;
    event.preventDefault();
    leave();
    if (event.dataTransfer.files.length) upload(event.dataTransfer.files[0]);
  });
}

/* The table of candidates is wider than a phone: there it scrolls, by keys too. */
function watchTable() {
  const frame = $('candidates-scroll');
  new ResizeObserver(() => {
    const scrolls = frame.scrollWidth > frame.clientWidth;
    for (const [name, value] of [['tabindex', '0'], ['role', 'region'], ['aria-label', 'Encodings that were tried']])
      if (scrolls) frame.setAttribute(name, value);
      else frame.removeAttribute(name);
  }).observe(frame);
}

async function start() {
  const url = readLink();
  $('asked').open = matchMedia('(min-width: 781px)').matches;
  $('density-own').textContent = `This (${Math.round(devicePixelRatio * 100) / 100})`;
  makeBrowsers();
  showState();
  listen();
  listenForFiles();
  watchTable();
  stage.setBusy(true);
  try {
    await Promise.all([loadPictures(), clients.probe()]);
  } catch (error) {
    stage.setBusy(false);
    stage.fail(error.message, () => location.reload());
    return;
  }
  if (url) setAddress(url);
  else if (pictures.length)
    setAddress(`${address.pathOf(firstPicture().id)}?wid=${FIRST_WIDTH}&qlt=${FIRST_QUALITY}`);
  else {
    stage.setBusy(false);
    stage.fail('There is no picture here yet.', () => location.reload());
    showThumbnails();
  }
}

start();
