/* Two pictures over each other and the divider between them: the requested one is seen left of it.
 *
 * As long as the whole picture fits, dragging anywhere moves the divider; enlarged, it moves the picture, and the
 * divider has its handle. Keys move the divider, which is a range. */

const stage = document.getElementById('stage'), scroller = document.getElementById('scroller');
const pair = document.getElementById('pair'), over = document.getElementById('over');
const divider = document.getElementById('divider');
const images = {requested: document.getElementById('requested'), sent: document.getElementById('sent')};
const tags = {requested: document.getElementById('tag-requested'), sent: document.getElementById('tag-sent')};
const problem = document.getElementById('problem');

let zoom = 'fit', natural = {width: 0, height: 0};

/* CSS pixels a pixel of the picture has. */
function scale() {
  if (zoom !== 'fit') return Number(zoom) / devicePixelRatio;
  return Math.min(1, stage.clientWidth / natural.width, stage.clientHeight / natural.height);
}

export function isEnlarged() {
  return pair.offsetWidth > stage.clientWidth + 1 || pair.offsetHeight > stage.clientHeight + 1;
}

/* Lays the divider over what is seen of the pictures and cuts the upper one there. */
function place() {
  const frame = stage.getBoundingClientRect(), box = pair.getBoundingClientRect();
  const left = Math.max(box.left, frame.left + stage.clientLeft);
  const right = Math.min(box.right, frame.left + stage.clientLeft + scroller.clientWidth);
  const top = Math.max(box.top, frame.top), bottom = Math.min(box.bottom, frame.top + scroller.clientHeight);
  if (right <= left || bottom <= top) return;
  over.style.setProperty('left', `${left - frame.left - stage.clientLeft}px`);
  over.style.setProperty('top', `${Math.max(0, top - frame.top - stage.clientTop)}px`);
  over.style.setProperty('width', `${right - left}px`);
  over.style.setProperty('height', `${bottom - top}px`);
  over.style.setProperty('--high', `${bottom - top}px`);
  const share = divider.value / 100;
  over.style.setProperty('--at', `${divider.value}%`);
  pair.style.setProperty('--cut', `${left + share * (right - left) - box.left}px`);
  stage.classList.toggle('all-sent', divider.value < 18);
  stage.classList.toggle('all-requested', divider.value > 82);
  divider.setAttribute('aria-valuetext', `${divider.value} % requested, ${100 - divider.value} % delivered`);
}

function layout() {
  if (!natural.width) return;
  const by = scale();
  pair.style.setProperty('width', `${natural.width * by}px`);
  pair.style.setProperty('height', `${natural.height * by}px`);
  pair.classList.toggle('pixels', zoom !== 'fit' && by * devicePixelRatio > 1);
  const enlarged = isEnlarged();
  scroller.classList.toggle('pans', enlarged);
  if (enlarged) {
    scroller.tabIndex = 0;
    scroller.setAttribute('role', 'region');
    scroller.setAttribute('aria-label', 'Enlarged picture, scroll to see the rest');
  } else {
    scroller.removeAttribute('tabindex');
    scroller.removeAttribute('role');
    scroller.removeAttribute('aria-label');
  }
  place();
}

export function setZoom(value) {
  const x = (scroller.scrollLeft + scroller.clientWidth / 2) / (scroller.scrollWidth || 1);
  const y = (scroller.scrollTop + scroller.clientHeight / 2) / (scroller.scrollHeight || 1);
  zoom = value;
  layout();
  scroller.scrollLeft = x * scroller.scrollWidth - scroller.clientWidth / 2;
  scroller.scrollTop = y * scroller.scrollHeight - scroller.clientHeight / 2;
  place();
}

export function setDivider(value) {
  divider.value = value;
  place();
}

export function setBusy(busy) {
  stage.dataset.busy = busy ? 'yes' : 'no';
  stage.setAttribute('aria-busy', String(busy));
}

async function prepared(blob) {
  const image = new Image();
  image.src = URL.createObjectURL(blob);
  try {
    await image.decode();
  } catch {
    URL.revokeObjectURL(image.src);
    throw new Error('This browser cannot show the picture that came.');
  }
  return image;
}

/* Both pictures at once, when both are decoded. `texts`: {requested, sent}, each {tag, alt}. */
export async function show(blobs, texts, signal) {
  const ready = {};
  [ready.requested, ready.sent] = await Promise.all([prepared(blobs.requested), prepared(blobs.sent)]);
  if (signal.aborted) {
    for (const image of Object.values(ready)) URL.revokeObjectURL(image.src);
    return;
  }
  natural = {width: ready.sent.naturalWidth, height: ready.sent.naturalHeight};
  for (const which of ['requested', 'sent']) {
    const old = images[which].src;
    images[which].src = ready[which].src;
    images[which].alt = texts[which].alt;
    tags[which].textContent = texts[which].tag;
    if (old.startsWith('blob:')) URL.revokeObjectURL(old);
  }
  stage.dataset.state = 'shown';
  problem.replaceChildren();
  layout();
}

/* A sentence where the picture would be; `retry` is called by the button below it. */
export function fail(text, retry) {
  const p = document.createElement('p'), button = document.createElement('button');
  p.textContent = text;
  button.type = 'button';
  button.textContent = 'Try again';
  button.addEventListener('click', retry);
  stage.dataset.state = 'failed';
  problem.replaceChildren(p, button);
}

/* ---- dragging ---- */

let drag = null;

function moveDivider(event) {
  const box = over.getBoundingClientRect();
  divider.value = Math.round(100 * (event.clientX - box.left) / box.width);
  divider.dispatchEvent(new Event('input'));
}

scroller.addEventListener('pointerdown', event => {
  if (event.button !== 0 || stage.dataset.state !== 'shown') return;
  const pans = isEnlarged();
  if (pans && event.pointerType !== 'mouse') return;  // fingers scroll by themselves
  drag = {pans, x: event.clientX, y: event.clientY, left: scroller.scrollLeft, top: scroller.scrollTop};
  scroller.setPointerCapture(event.pointerId);
  if (!pans) {
    moveDivider(event);
    divider.focus({preventScroll: true});
    event.preventDefault();
  }
});
scroller.addEventListener('pointermove', event => {
  if (!drag) return;
  if (drag.pans) {
    scroller.scrollLeft = drag.left + drag.x - event.clientX;
    scroller.scrollTop = drag.top + drag.y - event.clientY;
  } else {
    moveDivider(event);
  }
});
for (const end of ['pointerup', 'pointercancel']) scroller.addEventListener(end, () => { drag = null; });
scroller.addEventListener('scroll', place, {passive: true});
divider.addEventListener('input', place);
new ResizeObserver(layout).observe(stage);
