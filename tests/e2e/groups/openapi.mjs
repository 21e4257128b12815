// Every answer that the groups before this one saw must match the served OpenAPI document.
import assert from 'node:assert/strict';

import Ajv2020 from 'ajv/dist/2020.js';
import add_formats from 'ajv-formats';

import {expect} from '../lib/client.mjs';
import {answers, deviations} from '../lib/record.mjs';
import {start_server} from '../lib/server.mjs';

/// What any route may be answered before its own handler is asked, and so stands under "default":
/// a target that can't be read, a body that is slow or too large, too many requests.
const anywhere = (verb, status) =>
  [408, 413, 429, 431].includes(status) || (status === 400 && ['get', 'delete'].includes(verb));

const escape = (key) => key.replaceAll('~', '~0').replaceAll('/', '~1').replaceAll('%', '%25');

/// Routes of the contract: the document must have them all.
const contract =
  `POST /auth/setup, POST /auth/register, POST /auth/login, POST /auth/logout, GET /auth/me,
  PATCH /auth/me, POST /auth/password, GET /auth/sessions, DELETE /auth/sessions,
  DELETE /auth/sessions/{}, POST /auth/links/inspect, POST /auth/links/redeem,
  POST /admin/users/{}/link, GET /admin/audit, GET /api-keys, POST /api-keys, DELETE /api-keys/{},
  GET /admin/users, POST /admin/users, PATCH /admin/users/{}, DELETE /admin/users/{},
  GET /admin/queue, GET /admin/devices, POST /admin/devices/{}/drain,
  POST /images, GET /images, GET /images/{}, PATCH /images/{}, DELETE /images/{},
  GET /images/{}/data, GET /images/{}/thumbnail,
  GET /images/{}/history, GET /images/history, POST /annotations, GET /annotations/{},
  PATCH /annotations/{}, DELETE /annotations/{}, POST /point-annotations, GET /point-annotations/{},
  DELETE /point-annotations/{}, POST /jobs, GET /jobs, GET /jobs/{}, GET /jobs/{}/images,
  POST /jobs/{}/cancel, POST /jobs/{}/retry, PATCH /jobs/{}, GET /results/{}, GET /results/{}/mask,
  GET /process/mask/{}, GET /process/export/{}, GET /exports/coco, GET /exports/yolo,
  GET /exports/masks, POST /images/{}/segment, GET /ws, GET /health`
    .split(',')
    .map((s) => s.trim());

export default async function (t, {whole_run}) {
  const server = await start_server(t);
  const doc = expect(await server.client().get('/openapi.json'), 200);

  // The id that a UUID would have: an unparsable one must still find its route.
  const routes = Object.keys(doc.paths).map((template) => ({
    template,
    fixed: (template.match(/\{/g) ?? []).length,
    form: new RegExp(`^${template.replace(/[.+*]/g, '\\$&').replace(/\{[^}]+\}/g, '[^/]+')}$`),
  }));
  routes.sort((a, b) => a.fixed - b.fixed);
  const route_of = (path) => {
    const plain = path.split('?')[0];
    return routes.find((r) => r.form.test(plain) || r.form.test(plain.replace(/^\/api\/v1/, '')));
  };
  const follow = (node, at) => {
    while (node?.$ref) {
      at = node.$ref.slice(1);
      node = at
        .slice(1)
        .split('/')
        .reduce((n, k) => n?.[k.replaceAll('~1', '/').replaceAll('~0', '~')], doc);
    }
    return {node, at};
  };

  await t.test('the document is OpenAPI 3.1 and has every route of the contract', async () => {
    assert.match(doc.openapi, /^3\.1\./);
    const known = new Set(
      Object.entries(doc.paths).flatMap(([path, methods]) =>
        Object.keys(methods).map(
          (m) => `${m.toUpperCase()} ` + path.replace(/^\/api\/v1/, '').replace(/\{[^}]+\}/g, '{}'),
        ),
      ),
    );
    assert.deepEqual(
      contract.filter((r) => !known.has(r)),
      [],
    );
  });

  await t.test('every answer is of a documented route and status and fits its schema', async () => {
    assert.ok(!whole_run || answers.length > 500, `only ${answers.length} answers were recorded`);
    const ajv = new Ajv2020({strict: false, allErrors: false, validateFormats: true});
    add_formats(ajv);
    ajv.addSchema({$id: 'doc', ...doc, $schema: undefined});
    const checks = new Map();
    const wrong = new Map();
    const blame = (text) => wrong.set(text, (wrong.get(text) ?? 0) + 1);
    for (const answer of answers) {
      const {method, path, status, type, text} = answer;
      const route = route_of(path);
      const verb = method === 'HEAD' ? 'get' : method.toLowerCase();
      const operation = route && doc.paths[route.template][verb];
      if (!operation) {
        blame(
          `undocumented route ${method} ${path.split('?')[0].replace(/[0-9a-f-]{36}/g, '{id}')}`,
        );
        continue;
      }
      const name = `${method} ${route.template} ${status}`;
      const key = anywhere(verb, status) && !operation.responses[status] ? 'default' : status;
      if (!operation.responses[key]) {
        blame(`undocumented status ${name}`);
        continue;
      }
      const {node, at} = follow(
        operation.responses[key],
        `/paths/${escape(route.template)}/${verb}/responses/${key}`,
      );
      const media = type.split(';')[0];
      if (text === null) {
        if (
          media &&
          ![204, 304].includes(status) &&
          method !== 'HEAD' &&
          node.content &&
          !node.content[media] &&
          !node.content['*/*'] &&
          !node.content[media.replace(/\/.*/, '/*')]
        )
          blame(`undocumented type ${media} of ${name}`);
        continue;
      }
      if (!node.content?.[media]?.schema) {
        blame(`no schema of ${media} for ${name}`);
        continue;
      }
      if (!checks.has(name)) {
        checks.set(name, ajv.compile({$ref: `doc#${at}/content/${escape(media)}/schema`}));
      }
      const check = checks.get(name);
      if (!check(JSON.parse(text))) {
        const e = check.errors[0];
        const where = e.instancePath.replace(/\/\d+/g, '/*');
        blame(`${name}: ${where || 'the body'} ${e.message} ${JSON.stringify(e.params)}`);
      }
    }
    const list = [...wrong].map(([k, n]) => `${k} (${n} times)`);
    assert.equal(list.length, 0, list.join('\n'));
  });

  await t.test('schemas say something: required fields, no empty ones', async () => {
    const empty = [];
    for (const [path, methods] of Object.entries(doc.paths)) {
      for (const [method, operation] of Object.entries(methods)) {
        if (!operation.responses) continue;
        const good = Object.entries(operation.responses).filter(([s]) => /^2/.test(s));
        for (const [status, response] of good) {
          const schema = follow(response).node?.content?.['application/json']?.schema;
          if (!schema || path.endsWith('/openapi.json')) continue; // it describes itself
          const {node} = follow(schema);
          if (!Object.keys(node).length) empty.push(`${method} ${path} ${status}`);
          if (node.type === 'object' && !node.required?.length && !node.additionalProperties) {
            empty.push(`${method} ${path} ${status}: nothing required`);
          }
        }
      }
    }
    assert.deepEqual(empty, []);
  });

  await t.test('what holds for every answer held: request id, headers, error shape', async () => {
    const list = [...deviations].map(([k, n]) => `${k} (${n} times)`);
    assert.equal(list.length, 0, list.slice(0, 40).join('\n'));
  });
}
