/* Numbers: what was requested, what is delivered, and why. */

const $ = id => document.getElementById(id);
const NAMES = {jpeg: 'JPEG', png: 'PNG', gif: 'GIF', webp: 'WebP', avif: 'AVIF', jxl: 'JPEG XL', jp2: 'JPEG 2000',
  jxr: 'JPEG XR', heic: 'HEIC', tiff: 'TIFF', pdf: 'PDF', eps: 'EPS'};
const WHOLE = new Intl.NumberFormat('en', {maximumFractionDigits: 0});

export function formatName(format) {
  return NAMES[format] ?? format.toUpperCase();
}

export function bytes(n) {
  if (n < 1000) return `${n} B`;
  if (n < 999950) return `${(n / 1000).toFixed(1)} kB`;
  return `${(n / 1e6).toFixed(2)} MB`;
}

export function exactBytes(n) {
  return `${WHOLE.format(n)} bytes`;
}

/* Percent that `to` is smaller than `from`. */
export function saving(from, to) {
  return from > 0 ? 100 * (1 - to / from) : 0;
}

export function percent(p) {
  return `${p < 0 ? '+' : '−'}${Math.abs(p).toFixed(Math.abs(p) < 9.95 ? 1 : 0)} %`;
}

function score(value) {
  return value === null || value === undefined ? '–' : value.toFixed(2);
}

function milliseconds(ms) {
  return ms >= 1000 ? `${(ms / 1000).toFixed(1)} s` : `${Math.round(ms)} ms`;
}

/* An explanation with what was delivered indeed: the server may have had a better answer in its cache than it finds now,
 * or a worse one, if it was busy. `of`: {blob, receipt, asPng} of the reply. */
export function asDelivered(told, of) {
  const {format, saved, score: reached, effort} = of.receipt ?? {};
  if (!format) return {...told, kept: false};
  const size = of.asPng ? told.requested.bytes - saved : of.blob.size;
  if (format === told.sent.format && size === told.sent.bytes) return {...told, effort, kept: false};
  return {...told, effort, kept: true,
    sent: {...told.sent, format, bytes: size, score: Number.isFinite(reached) ? reached : null}};
}

const same = a => a.requested.bytes === a.sent.bytes && a.requested.format === a.sent.format;

const refined = a => ['better', 'best'].includes(a.effort);

/* One sentence for eyes and screen readers. */
function summary(a) {
  const {requested, sent} = a;
  if (same(a)) {
    return a.candidates.length > 1
      ? `The ${formatName(sent.format)} is sent as requested: nothing smaller looks as good.`
      : `The ${formatName(sent.format)} is sent as requested: no other format may take its place for this address and browser.`;
  }
  const looks = sent.score === null || a.target === null ? ''
    : sent.score >= a.target ? ' It looks as good as what was requested.'
      : ` It scores ${(a.target - sent.score).toFixed(2)} below the target, of which 0.5 is allowed.`;
  return `${refined(a) ? 'Refined: ' : ''}${formatName(sent.format)}, ${bytes(sent.bytes)} instead of ${bytes(requested.bytes)}: `
    + `${bytes(requested.bytes - sent.bytes)} saved.${looks}`;
}

function setBar(id, share) {
  $(id).style.setProperty('--share', String(Math.max(0.004, Math.min(1, share))));
}

function row(candidate, most) {
  const tr = document.createElement('tr');
  const won = candidate.verdict === 'winner';
  if (won) tr.className = 'winner';
  else if (candidate.verdict === 'requested') tr.className = 'requested';
  const cells = [
    [formatName(candidate.format)], [candidate.settings], [WHOLE.format(candidate.bytes), 'n bytes'],
    [score(candidate.score), 'n'], [candidate.encode_ms?.toFixed(1) ?? '–', 'n'],
    [candidate.score_ms?.toFixed(1) ?? '–', 'n'], [candidate.verdict, 'verdict']];
  cells.forEach(([text, kind], i) => {
    const cell = document.createElement(i === 0 ? 'th' : 'td');
    if (i === 0) cell.scope = 'row';
    if (kind) cell.className = kind;
    cell.textContent = text;
    if (i === 2) cell.style.setProperty('--share', String(candidate.bytes / most));
    tr.append(cell);
  });
  return tr;
}

function tell(a) {
  const {requested, sent} = a, p = saving(requested.bytes, sent.bytes), most = Math.max(requested.bytes, sent.bytes);
  $('saving').textContent = `${Math.abs(p).toFixed(Math.abs(p) < 9.95 && !same(a) ? 1 : 0)} %`;
  $('saving-text').textContent = same(a) ? 'as requested' : p >= 0 ? 'smaller' : 'larger';
  $('requested-format').textContent = formatName(requested.format);
  $('sent-format').textContent = formatName(sent.format);
  $('requested-bytes').textContent = bytes(requested.bytes);
  $('sent-bytes').textContent = bytes(sent.bytes);
  $('requested-bytes').title = exactBytes(requested.bytes);
  $('sent-bytes').title = exactBytes(sent.bytes);
  setBar('requested-bar', requested.bytes / most);
  setBar('sent-bar', sent.bytes / most);
  $('score').textContent = score(sent.score);
  $('target').textContent = score(a.target);
  $('time').textContent = milliseconds(a.total_ms);
  $('size').textContent = `${a.width} × ${a.height} pixels`;
  $('client').textContent = a.client;
  $('recipe').textContent = a.recipe;
}

function keptText(a) {
  const what = `${formatName(a.sent.format)}, ${exactBytes(a.sent.bytes)}`;
  return refined(a)
    ? ` This is the first search; while idle, the server has found something better, which is delivered now: ${what}.`
    : ` This is the search of this moment; the server delivers what it has kept of an earlier one: ${what}.`;
}

export function show(a) {
  tell(a);
  $('status').textContent = summary(a);
  const most = Math.max(...a.candidates.map(c => c.bytes), 1);
  $('candidates').replaceChildren(...a.candidates.map(c => row(c, most)));
  $('candidates-text').textContent = a.target === null || a.target === undefined ? ''
    : `What was requested scores ${score(a.target)} (SSIMULACRA2; 100 is identical). The smallest encoding that scores `
      + `at least ${score(a.target - 0.5)} is delivered.`
      + (a.kept ? keptText(a) : '');
}

/* Numbers of an answer that did not come would be wrong. */
export function clear() {
  for (const id of ['saving', 'requested-bytes', 'sent-bytes', 'score', 'target', 'time']) $(id).textContent = '–';
  for (const id of ['requested-format', 'sent-format', 'saving-text', 'status', 'size', 'client', 'recipe',
    'candidates-text']) $(id).textContent = '';
  setBar('requested-bar', 0);
  setBar('sent-bar', 0);
  $('candidates').replaceChildren();
}
