// urql's files ask a bundler's variable whether this is development. Without a bundler the variable has to exist before they are
// loaded, so main.js imports this file first.

Object.assign(globalThis, { process: { env: { NODE_ENV: 'production' } } });
