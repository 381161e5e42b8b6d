// Starts the console.

import './lib/environment.js';

import { render } from 'preact';

import { App } from './app.js';
import * as api from './lib/api.js';
import { html } from './lib/html.js';
import { page } from './lib/page.js';
import * as router from './lib/router.js';
import * as session from './lib/session.js';

session.start();
api.start();
router.start();
page.root.replaceChildren();
render(html`<${App} />`, page.root);
