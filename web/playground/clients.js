/* Who asks: browsers, what they show and which headers say so. */

/* `formats` is how the server's class of client names them (X-Smartimg-Class); null: as this browser. */
export const BROWSERS = [
  {id: 'this', name: 'This browser', formats: null},
  {id: 'chrome', name: 'Chrome, Firefox', formats: 'avif+webp'},
  {id: 'safari-17', name: 'Safari 17', formats: 'avif+jxl+webp'},
  {id: 'safari-14', name: 'Safari 14', formats: 'webp'},
  {id: 'safari-13', name: 'Safari 13', formats: 'jp2',
    userAgent: 'Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_4) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/13.1 Safari/605.1.15'},
  {id: 'ie-11', name: 'IE 11', formats: 'jxr',
    userAgent: 'Mozilla/5.0 (Windows NT 10.0; WOW64; Trident/7.0; rv:11.0) like Gecko'},
  {id: 'no-avif', name: 'This, no AVIF', formats: null, without: 'avif'},
  {id: 'plain', name: 'Anything else', formats: 'plain'},
];

const ALWAYS = ['jpeg', 'png', 'gif'];

/* The smallest files of each format, one grey pixel. */
const PROBES = {
  avif: 'AAAAHGZ0eXBhdmlmAAAAAGF2aWZtaWYxbWlhZgAAAPBtZXRhAAAAAAAAAChoZGxyAAAAAAAAAABwaWN0AAAAAAAAAAAAAAAAbGliYXZpZgAAAAAOcGl0bQAAAAAAAQAAAB5pbG9jAAAAAEQAAAEAAQAAAAEAAAEUAAAAEwAAAChpaW5mAAAAAAABAAAAGmluZmUCAAAAAAEAAGF2MDFDb2xvcgAAAABoaXBycAAAAElpcGNvAAAAFGlzcGUAAAAAAAAAAQAAAAEAAAAOcGl4aQAAAAABCAAAAAxhdjFDgQAcAAAAABNjb2xybmNseAABAA0ABoAAAAAXaXBtYQAAAAAAAAABAAEEAQKDBAAAABttZGF0EgAKBxgADlgIaDUyBhZAAAEQDw==',
  webp: 'UklGRiIAAABXRUJQVlA4IBYAAAAwAQCdASoBAAEAD8D+JaQAA3AAAAAA',
  jxl: '/woAEJAUFwIKAQAAaAAAOABYAFhKKDOOTUqkUFMG5ARAnZBQLPikAuADBaIBAKAASUsaAIAKlVHGDV7O9Xz5ocNi2sZ1hrbatrAkEUohiSQN0JMGJitJAA==',
};

async function decodes(format) {
  const bytes = Uint8Array.from(atob(PROBES[format]), c => c.charCodeAt(0));
  const url = URL.createObjectURL(new Blob([bytes], {type: `image/${format}`}));
  const image = new Image();
  image.src = url;
  try {
    await image.decode();
    return image.naturalWidth > 0;
  } catch {
    return false;
  } finally {
    URL.revokeObjectURL(url);
  }
}

let own = [];

/* Finds out what this browser shows. Scripts do not see the Accept header of images, so it is tried. */
export async function probe() {
  const names = Object.keys(PROBES), shown = await Promise.all(names.map(decodes));
  own = names.filter((_, i) => shown[i]);
  own.sort((a, b) => ['avif', 'jxl', 'webp'].indexOf(a) - ['avif', 'jxl', 'webp'].indexOf(b));
}

/* Can an <img> here show a file of this format? */
export function shows(format) {
  return ALWAYS.includes(format) || own.includes(format);
}

/* The same of a media type. */
export function showsType(type) {
  return shows(type.replace(/^image\//, ''));
}

function formatsOf(browser) {
  const list = browser.formats === null ? own.filter(f => f !== browser.without) : browser.formats.split('+');
  return list.length ? list : ['plain'];
}

export function browserOf(id) {
  return BROWSERS.find(b => b.id === id) ?? BROWSERS[0];
}

/* The class of a client {browser, density, network}; '' where this browser asks for itself, with its own headers. */
export function classOf({browser, density, network}) {
  if (browser === 'this' && !density && !network) return '';
  const ratio = density || String(Math.round(devicePixelRatio * 100) / 100);
  return formatsOf(browserOf(browser)).join('+') + (ratio === '1' ? '' : `;dpr=${ratio}`)
    + (!network || network === 'excellent' ? '' : `;net=${network}`);
}

export function acceptOf(id) {
  const formats = formatsOf(browserOf(id)).filter(f => ['avif', 'jxl', 'webp'].includes(f));
  return [...formats.map(f => `image/${f}`), '*/*'].join(',');
}

const NETWORK_HEADERS = {good: 'ECT: 3g', poor: 'Save-Data: on'};

function quoted(text) {
  return `'${text.replaceAll("'", "'\\''")}'`;
}

/* The command that gets what this client gets. */
export function curl(client, url, file) {
  const browser = browserOf(client.browser), headers = [`Accept: ${acceptOf(client.browser)}`];
  if (browser.userAgent) headers.push(`User-Agent: ${browser.userAgent}`);
  if (client.density && client.density !== '1') headers.push(`Sec-CH-DPR: ${client.density}`);
  if (NETWORK_HEADERS[client.network]) headers.push(NETWORK_HEADERS[client.network]);
  return ['curl', '-o', quoted(file), ...headers.map(h => `-H ${quoted(h)}`), quoted(url)].join(' ');
}
