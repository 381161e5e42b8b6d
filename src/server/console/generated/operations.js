// Made from operations/*.graphql and schema.graphql by `scripts/console generate`: do not edit.

import { gql } from '@urql/core';

export const Session = /** @type {import('@urql/core').TypedDocumentNode<import('./types').SessionQuery, import('./types').SessionQueryVariables>} */ (gql("query Session {\n  session {\n    role\n    tenantId\n    agentId\n    sandbox\n  }\n}"));
