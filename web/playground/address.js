/* The address of a picture as text and as items: what stands between the & of its query.
 *
 * Commands of the request and the view count wherever they stand; those of the picture ("picture" as scope) belong to
 * it only before the first layer= or effect=. Nothing here needs a document. */

const OPENING = '({', CLOSING = ')}';

/* The items of a query: & between braces or parentheses parts nothing. */
export function splitQuery(query) {
  const items = [];
  let depth = 0, from = 0;
  for (let i = 0; i <= query.length; i++) {
    const c = query[i];
    if (OPENING.includes(c ?? ' ')) depth++;
    else if (CLOSING.includes(c ?? ' ')) depth = Math.max(0, depth - 1);
    if (i === query.length || (c === '&' && depth === 0)) {
      if (i > from) items.push(query.slice(from, i));
      from = i + 1;
    }
  }
  return items;
}

/* The name of an item's command in lower case; "$" for a preset, "" for a variable or a comment. */
export function nameOf(item) {
  if (/^\$[^$=]+\$=?$/.test(item)) return '$';
  if (item.startsWith('$') || item.startsWith('.')) return '';
  return item.split('=', 1)[0].toLowerCase();
}

export function parse(address) {
  const at = address.indexOf('?');
  return at < 0 ? {path: address, items: []}
                : {path: address.slice(0, at), items: splitQuery(address.slice(at + 1))};
}

export function print({path, items}) {
  return items.length ? `${path}?${items.join('&')}` : path;
}

/* Company and object of an address, as the list of pictures has them. */
export function pictureOf(address) {
  const path = parse(address).path.replace(/^\/is\/image\//, '');
  try {
    return decodeURIComponent(path);
  } catch {
    return path;
  }
}

export function pathOf(id) {
  return '/is/image/' + id.split('/').map(encodeURIComponent).join('/').replaceAll('%3A', ':');
}

function endOfPicture(items) {
  const at = items.findIndex(item => ['layer', 'effect'].includes(nameOf(item)));
  return at < 0 ? items.length : at;
}

function places(items, name, scope) {
  const end = scope === 'picture' ? endOfPicture(items) : items.length, found = [];
  for (let i = 0; i < end; i++) if (nameOf(items[i]) === name.toLowerCase()) found.push(i);
  return found;
}

function decoded(text) {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

/* What must not stand in a value as it is, and no more: people read addresses. */
function encoded(text) {
  return text.replace(/[\s%&#+"<>\\^`|]/g, c => encodeURIComponent(c));
}

/* The value of a command, of which the last counts; undefined if it is not there. */
export function valueOf(items, name, scope) {
  const at = places(items, name, scope).at(-1);
  return at === undefined ? undefined : decoded(items[at].slice(items[at].indexOf('=') + 1));
}

/* Items with this value in place of the command's, at its end if there was none, without the command if it is empty. */
export function withValue(items, name, value, scope) {
  const found = places(items, name, scope), last = found.at(-1);
  const kept = items.map((item, i) => i === last && value !== '' ? `${item.split('=', 1)[0]}=${encoded(value)}` : item)
    .filter((_, i) => !found.includes(i) || (i === last && value !== ''));
  if (last === undefined && value !== '')
    kept.splice(scope === 'picture' ? endOfPicture(kept) : kept.length, 0, `${name}=${encoded(value)}`);
  return kept;
}

export function presetsOf(items) {
  return items.filter(item => nameOf(item) === '$').map(item => decoded(item.split('$')[1])).join(' ');
}

/* Presets stand first, so that commands of the address beat theirs. */
export function withPresets(items, names) {
  const presets = names.split(/[\s,$]+/).filter(Boolean).map(name => `$${encoded(name)}$`);
  return [...presets, ...items.filter(item => nameOf(item) !== '$')];
}

function isFurther(items, known) {
  const end = endOfPicture(items);
  return (item, i) => {
    const scope = nameOf(item) === '$' ? 'request' : known.get(nameOf(item));
    return scope === undefined || (scope === 'picture' && i >= end);
  };
}

/* What no control shows, as text. `known`: Map of command in lower case → its scope. */
export function furtherOf(items, known) {
  return items.filter(isFurther(items, known)).join('&');
}

export function withFurther(items, known, text) {
  const further = isFurther(items, known);
  return [...items.filter((item, i) => !further(item, i)), ...splitQuery(cleaned(text).replace(/^[?&]+/, ''))];
}

/* An address as it may be sent: blanks and # have no place in it. */
export function cleaned(text) {
  return text.trim().replace(/\s/g, '%20').replaceAll('#', '%23').replaceAll('"', '%22');
}

/* What a person typed or pasted, as an address of this server: {address, note} or {error}. An address of another
 * server means the picture of the same name here, or its commands for the picture that is shown (`current`).
 * `known` says whether an id is one of the pictures, `named` gives the id of the picture with a name. */
export function adopt(text, {host, current, known, named}) {
  const trimmed = text.trim();
  const m = /^(?:(?:https?:)?\/\/([^/?#]+))?(?:[^?#]*?\/)?is\/image\/([^?#]+)(\?[^#]*)?(?:#.*)?$/i.exec(trimmed)
    ?? /^()\/?is\/image\/([^?#]+)(\?[^#]*)?$/i.exec(trimmed);
  if (!m) return {error: 'This is not the address of a picture: /is/image/COMPANY/OBJECT?commands.'};
  const theirs = m[1] && m[1].toLowerCase() !== host.toLowerCase();
  const own = {path: `/is/image/${m[2].replace(/\s/g, '%20')}`, items: splitQuery(cleaned((m[3] ?? '').slice(1)))};
  if (!theirs) return {address: print(own), note: ''};
  const id = pictureOf(own.path), same = known(id) ? id : named(id.split('/').at(-1));
  const target = same ?? current;
  if (!target) return {error: `There is no picture ${id} here.`};
  return {
    address: print({path: pathOf(target), items: own.items}),
    note: same === id ? `From ${m[1]}.`
      : same ? `From ${m[1]}: ${id} is ${same} here.`
        : `There is no ${id} here, so the commands of that address are applied to ${target}.`,
  };
}
