// The size of the first view, and its times, which depend on the machine and are only noted.

export const name = 'first view';
const KILOBYTE = 1000;
const MOST = 150 * KILOBYTE;
const RUNS = 3;

/** @param {import('../support/stage.mjs').Stage} stage */
export async function run(stage) {
  const { server } = stage;
  const { token } = server.tenant();
  const agent = await server.agent(token);
  await server.call({ to: agent.phoneNumber.number, duration_seconds: 30 });
  const found = [];
  for (let at = 0; at < RUNS; at += 1) found.push(await measure(stage, token));
  const paint = Math.min(...found.map((one) => one.paint));
  const whole = Math.min(...found.map((one) => one.whole));
  const { own, api } = found[0] ?? { own: Infinity, api: 0 };
  stage.report.note(
    `first paint ${paint.toFixed(0)} ms, data ${whole.toFixed(0)} ms, files ${(own / KILOBYTE).toFixed(1)} KB, answers ${(api / KILOBYTE).toFixed(1)} KB`,
  );
  stage.check(own + api < MOST, `${((own + api) / KILOBYTE).toFixed(1)} KB are transferred for the whole first view`);
}

/** @param {import('../support/stage.mjs').Stage} stage @param {string} token */
async function measure(stage, token) {
  // Nobody has cached anything.
  const person = await stage.person();
  const session = await person.context.newCDPSession(person.page);
  await session.send('Network.enable');
  /** @type {Map<string, string>} */
  const addresses = new Map();
  let [own, api] = [0, 0];
  session.on('Network.requestWillBeSent', ({ requestId, request }) => addresses.set(requestId, request.url));
  session.on('Network.loadingFinished', ({ requestId, encodedDataLength }) => {
    if (addresses.get(requestId)?.endsWith('/graphql')) api += encodedDataLength;
    else own += encodedDataLength;
  });
  const began = Date.now();
  await person.opens(token);
  const whole = Date.now() - began;
  await person.page.locator('.plot-area canvas').first().waitFor();
  await person.page.waitForLoadState('networkidle');
  const paint = await person.page.evaluate(
    () => performance.getEntriesByName('first-contentful-paint')[0]?.startTime ?? Infinity,
  );
  return { own, api, paint, whole };
}
