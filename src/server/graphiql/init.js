// Starts GraphiQL. A token in the URL's fragment (which browsers never send) is moved to the headers tab and removed
// from the URL. It is not stored.
(() => {
  'use strict';

  const WELCOME = `# Switchboard gives every agent a phone number.
# Place the cursor in an operation and press Ctrl-Enter, or choose one at the Run button.
# The documentation explorer in the left margin explains every type and field.

# The tenant of this token, its plan and its limits.
query Viewer {
  viewer {
    userId
    plan { name }
    limits { concurrentCalls phoneNumbers }
    activeCalls
    usage { month calls minutes estimatedCost { total currency } }
  }
}

# Creates an agent and buys a number for it. Save apiToken: it is shown only once.
mutation CreateAgent {
  createAgent(input: { name: "Dr. Smith's Office Assistant", areaCode: "212" }) {
    agent { id name status tokenPreview }
    phoneNumber { id number status sid monthlyCost }
    apiToken
    operation { id state step }
    userErrors { code message field suggestedAreaCodes }
  }
}

query PhoneNumbers {
  phoneNumbers(first: 20) {
    nodes { id number status locality region monthlyCost agent { id name } }
    pageInfo { hasNextPage endCursor }
    totalCount
  }
}

query Calls {
  calls(first: 20) {
    nodes { id from to status outcome durationSeconds startedAt agent { name } }
    pageInfo { hasNextPage endCursor }
  }
}

# Runs until you stop it. Sends every call when it starts, is answered and ends.
subscription WatchCalls {
  callUpdated {
    id
    from
    to
    status
    outcome
    agent { name }
  }
}
`;

  const root = document.getElementById('graphiql');
  const token = new URLSearchParams(location.hash.slice(1)).get('token');
  if (token) {
    history.replaceState(null, '', location.pathname + location.search);
  }

  const socket = new URL(root.dataset.socket, location.href);
  socket.protocol = location.protocol === 'https:' ? 'wss:' : 'ws:';

  const fetcher = GraphiQL.createFetcher({ url: root.dataset.endpoint, subscriptionUrl: socket.href });
  const headers = JSON.stringify({ Authorization: `Bearer ${token ?? 'paste-a-token-here'}` }, null, 2);
  ReactDOM.createRoot(root).render(
    React.createElement(GraphiQL, {
      fetcher,
      defaultQuery: WELCOME,
      defaultEditorToolsVisibility: 'headers',
      shouldPersistHeaders: false,
      ...(token ? { headers } : { defaultHeaders: '{}' }),
    }),
  );
})();
