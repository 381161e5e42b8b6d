// Pictures and other files of a message.

import { useState } from 'preact/hooks';

import { number } from '../../lib/format.js';
import { html } from '../../lib/html.js';
import { sentence } from '../../ui/progress.js';

/** @typedef {import('./use_messages.js').Message['media'][number]} File */

/** @param {{ media: File[], isOwn: boolean }} props `isOwn`: sent by the tenant, from addresses elsewhere */
export function Media({ media, isOwn }) {
  if (media.length === 0) return null;
  return html`<ul class="media">${media.map((file, i) => html`<li key=${i}><${MediaFile} file=${file} isOwn=${isOwn} /></li>`)}</ul>`;
}

/** @param {{ file: File, isOwn: boolean }} props */
function MediaFile({ file, isOwn }) {
  const { contentType, url, sizeBytes, problem } = file;
  const [isBroken, setBroken] = useState(false);
  const name = nameOf(contentType, sizeBytes);
  if (problem) return html`<span class="muted">${name}. ${sentence(problem)}</span>`;
  if (!isOwn && sizeBytes === null)
    return html`<span class="muted">${name}. It is being fetched from the carrier.</span>`;
  const address = addressOf(url);
  if (!address) return html`<span class="muted">${name}</span>`;
  // The page's policy shows pictures of this server only.
  const isShown = contentType.startsWith('image/') && address.origin === location.origin && !isBroken;
  return html`<a href=${address.href} target="_blank" rel="noopener noreferrer">${
    isShown
      ? html`<img src=${address.href} alt=${name} loading="lazy" onError=${() => setBroken(true)} />`
      : `Open: ${name}`
  }</a>${isBroken && html` <span class="hint">It cannot be shown. If its link is over, reload the page.</span>`}`;
}

/** “Picture, JPEG, 120 kB” @param {string} contentType @param {number | null} size bytes */
function nameOf(contentType, size) {
  const [kind = '', type = ''] = contentType.split(/[/;]/);
  const known = { image: 'Picture', audio: 'Sound', video: 'Video' }[kind] ?? 'File';
  const format = type === 'octet-stream' ? null : type.toUpperCase();
  return [known, format, size !== null && `${number(Math.ceil(size / 1024))} kB`].filter(Boolean).join(', ');
}

/** The address if a browser may open it. @param {string} url */
function addressOf(url) {
  try {
    const address = new URL(url, location.href);
    return /^https?:$/.test(address.protocol) ? address : null;
  } catch {
    return null;
  }
}
