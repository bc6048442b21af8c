/* The controls of commands: they show what the address says, and change it. */

import {furtherOf, presetsOf, valueOf, withFurther, withPresets, withValue} from './address.js';

const form = document.getElementById('commands');
const controls = [...form.querySelectorAll('[data-command]')];
const quality = document.getElementById('qlt'), slider = document.getElementById('qlt-range');
const chroma = document.getElementById('qlt-chroma');

/* What quality a picture has that asks for none: what the slider shows then, and no more. */
const USUAL_QUALITY = 80;

const known = new Map([['qlt', 'request']]);
for (const c of controls)
  if (!['$', '*'].includes(c.dataset.command)) known.set(c.dataset.command.toLowerCase(), c.dataset.scope ?? 'request');

function read(control, items) {
  if (control.dataset.command === '$') return presetsOf(items);
  if (control.dataset.command === '*') return furtherOf(items, known);
  return valueOf(items, control.dataset.command, control.dataset.scope) ?? '';
}

function write(control, items) {
  const value = control.value.trim();
  if (control.dataset.command === '$') return withPresets(items, value);
  if (control.dataset.command === '*') return withFurther(items, known, value);
  return withValue(items, control.dataset.command, value, control.dataset.scope);
}

/* A list has the values people use; one that the address brings is added to it. */
function setSelect(select, value) {
  const words = [...select.options].map(o => o.value);
  const word = words.find(w => w.toLowerCase() === value.toLowerCase());
  if (word === undefined) select.add(new Option(value, value));
  select.value = word ?? value;
}

/* Shows what the items say. The control that has the focus is left alone while it says the same. */
export function showItems(items) {
  for (const c of controls) {
    const value = read(c, items);
    if (c instanceof HTMLSelectElement) setSelect(c, value);
    else if (c !== document.activeElement || write(c, items).join('&') !== items.join('&')) c.value = value;
  }
  const [q = '', full = ''] = (valueOf(items, 'qlt') ?? '').split(',');
  if (quality !== document.activeElement) quality.value = q;
  slider.value = q || USUAL_QUALITY;
  slider.setAttribute('aria-valuetext', q || 'as the server has it');
  chroma.checked = full === '1';
}

/* `changed(f, typed)`: f makes new items of the present ones; typed says that more may follow at once. */
export function onChange(changed) {
  const writeQuality = items => withValue(items, 'qlt',
    quality.value === '' && !chroma.checked ? '' : `${quality.value || USUAL_QUALITY}${chroma.checked ? ',1' : ''}`);
  form.addEventListener('submit', event => event.preventDefault());
  form.addEventListener('input', event => {
    const control = event.target;
    if (control === slider) quality.value = slider.value;
    if ([slider, quality, chroma].includes(control)) changed(writeQuality, control !== chroma);
    else if (control.dataset.command) changed(items => write(control, items), !(control instanceof HTMLSelectElement));
  });
}
