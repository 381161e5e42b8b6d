// Dialogs: the browser's own <dialog>, which keeps the focus inside and gives it back.

import { useEffect, useId, useRef } from 'preact/hooks';

import { html } from '../lib/html.js';
import { Button } from './basic.js';

/** @typedef {import('preact').ComponentChildren} Children */

/** What opened the last dialog: a dialog that follows it at once gives the focus back to there. @type {HTMLElement | null} */
let formerOpener = null;

/**
 * A modal dialog, open for as long as it is rendered.
 * @param {{ title: Children, children: Children, onClose?: () => void, wide?: boolean }} props without `onClose` it cannot be dismissed
 */
export function Dialog({ title, children, onClose, wide = false }) {
  const id = useId();
  const dialog = useRef(/** @type {HTMLDialogElement | null} */ (null));
  useEffect(() => {
    const shown = dialog.current;
    const active = document.activeElement;
    const isOutside = active instanceof HTMLElement && active !== document.body && !active.closest('dialog');
    const opener = isOutside ? active : formerOpener;
    const beside = /** @type {HTMLElement | null | undefined} */ (opener?.closest('.actions[tabindex]'));
    if (shown && !shown.open) shown.showModal();
    // Else the browser chooses the button that closes the dialog.
    /** @type {HTMLElement | null | undefined} */ (shown?.querySelector('input, select, textarea'))?.focus();
    return () => {
      shown?.close();
      formerOpener = opener;
      // The dialog is removed as it closes, before the browser can give the focus back. What opened it may be gone too.
      setTimeout(() => {
        if (document.activeElement !== document.body) return;
        if (opener?.isConnected) opener.focus();
        // The buttons change with what they change: then the focus stays where the opener was.
        else if (beside?.isConnected) beside.focus();
        // Nothing opened it that can have the focus: another dialog did, which is gone.
        const heading = /** @type {HTMLElement | null} */ (document.querySelector('main h1'));
        if (document.activeElement === document.body) heading?.focus();
      });
    };
  }, []);
  return html`<dialog ref=${dialog} class=${wide ? 'wide' : ''} aria-labelledby=${id}
    onCancel=${(/** @type {Event} */ event) => {
      event.preventDefault();
      onClose?.();
    }}>
    <div class="dialog-head"><h2 id=${id}>${title}</h2>
      ${onClose && html`<${Button} kind="quiet" label="Close" onClick=${onClose}>✕</${Button}>`}</div>
    ${children}
  </dialog>`;
}

/**
 * Asks before something that cannot be taken back, or costs money.
 * @param {{ title: Children, children: Children, action: string, onConfirm: () => void, onClose: () => void, busy?: boolean, danger?: boolean, problem?: Children }} props
 */
export function Confirm({ title, children, action, onConfirm, onClose, busy = false, danger = false, problem }) {
  return html`<${Dialog} title=${title} onClose=${onClose}>
    ${children}
    ${problem}
    <div class="actions end">
      <${Button} onClick=${onClose}>Cancel</${Button}>
      <${Button} kind=${danger ? 'danger' : 'primary'} busy=${busy} onClick=${onConfirm}>${action}</${Button}>
    </div>
  </${Dialog}>`;
}
