// Templates: htm bound to Preact. Everything inserted with ${…} becomes text or an attribute's value, never markup.

import { h } from 'preact';
import htm from 'htm';

export const html = htm.bind(h);
