// Every answer the groups saw, for the openapi group; and the rules that hold for all answers.
export const answers = [];
export const deviations = new Map();

function deviation(rule, method, path, answer) {
  const key =
    `${rule}: ${method} ${path.replace(/[0-9a-f]{8}-[0-9a-f-]{27}/g, '{id}').split('?')[0]}` +
    ` -> ${answer.status}`;
  deviations.set(key, (deviations.get(key) ?? 0) + 1);
}

const secrets =
  /(?:select |insert into|pqxx|std::|\/tmp\/|\/home\/|\/var\/|\.cpp|terminate called)/i;

export function note_answer(method, path, answer) {
  const h = answer.headers;
  const rule = (ok, text) => ok || deviation(text, method, path, answer);
  rule(h['x-request-id'], 'no X-Request-Id');
  rule(h['x-content-type-options'] === 'nosniff', 'no nosniff');
  rule(h['referrer-policy'], 'no Referrer-Policy');
  const csp = h['content-security-policy'] ?? '';
  rule(csp, 'no Content-Security-Policy');
  rule(csp.includes('frame-ancestors'), 'no frame-ancestors');
  const scripts = /script-src([^;]*)/.exec(csp)?.[1] ?? /default-src([^;]*)/.exec(csp)?.[1] ?? '';
  rule(!scripts.includes("'unsafe-inline'"), 'unsafe-inline scripts');
  rule(!h['access-control-allow-origin'], 'CORS is on');
  if (answer.status >= 400) {
    // HEAD gets the headers of the body that GET would get.
    if (method === 'HEAD') {
      rule(/^application\/json/.test(answer.type), 'an error of another type');
      rule(answer.bytes.length === 0, 'HEAD with a body');
    } else {
      rule(answer.json, 'an error without a JSON body');
    }
    if (answer.json) {
      const e = answer.json;
      rule(typeof e.detail === 'string' && e.detail.length > 0, 'an error without detail');
      rule(/^[a-z][a-z0-9_]*$/.test(e.code ?? ''), 'an error without a snake_case code');
      rule(
        e.request_id && e.request_id === h['x-request-id'],
        'request_id differs from the header',
      );
      rule(!secrets.test(answer.text), 'an error text that leaks internals');
      rule(![429, 503].includes(answer.status) || h['retry-after'], 'no Retry-After');
    }
  }
  // Bodies are kept as text: thousands of parsed trees would not be flat in memory.
  answers.push({
    method,
    path,
    status: answer.status,
    type: answer.type,
    text: answer.json !== undefined ? answer.text : null,
  });
}
