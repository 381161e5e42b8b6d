import js from '@eslint/js';
import globals from 'globals';

export default [
  js.configs.recommended,
  {
    files: ['console/**/*.js'],
    languageOptions: { globals: globals.browser },
    rules: {
      eqeqeq: 'error',
      'no-eval': 'error',
      'no-implicit-coercion': ['error', { boolean: false }],
      'no-restricted-properties': [
        'error',
        { property: 'innerHTML', message: 'Texts of callers and tenants are text, never HTML.' },
        { property: 'outerHTML', message: 'Texts of callers and tenants are text, never HTML.' },
        { property: 'insertAdjacentHTML', message: 'Texts of callers and tenants are text, never HTML.' },
      ],
      'no-restricted-syntax': ['error', { selector: "Literal[value='dangerouslySetInnerHTML']", message: 'Texts of callers and tenants are text, never HTML.' }],
      'no-var': 'error',
      'object-shorthand': 'error',
      'prefer-const': 'error',
      'prefer-template': 'error',
    },
  },
  { ignores: ['console/generated/**'] },
];
