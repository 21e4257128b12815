// OpenID providers on loopback: the certified one from npm, and one that does whatever a test says.
import {createHash, createHmac, generateKeyPairSync, randomUUID, sign} from 'node:crypto';
import http from 'node:http';

import Provider from 'oidc-provider';

export const callback_path = '/api/v1/auth/oidc/callback';
export const client_id = 'samovar-test';
export const client_secret = 'a secret & with: odd/characters+';

function listen(server) {
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen(0, '127.0.0.1', () => resolve(server.address().port));
  });
}

function signing_key(kid) {
  const {privateKey, publicKey} = generateKeyPairSync('rsa', {modulusLength: 2048});
  const marks = {kid, use: 'sig', alg: 'RS256'};
  return {
    kid,
    privateKey,
    publicKey,
    jwk: {...publicKey.export({format: 'jwk'}), ...marks},
    private_jwk: {...privateKey.export({format: 'jwk'}), ...marks},
  };
}

/// `people`: login -> claims; the password at the provider is whatever is typed.
export class CertifiedProvider {
  constructor(people) {
    this.people = people;
    this.server = http.createServer((req, res) => this.handler(req, res));
  }
  async start() {
    this.issuer = `http://127.0.0.1:${await listen(this.server)}`;
    return this;
  }
  /// Afterwards the provider signs with a new key and forgets its sessions.
  set_up(client_base, {auth = 'client_secret_basic', claims_in_token = false} = {}) {
    const people = this.people;
    const provider = new Provider(this.issuer, {
      clients: [
        {
          client_id,
          client_secret,
          redirect_uris: [client_base + callback_path],
          response_types: ['code'],
          grant_types: ['authorization_code'],
          token_endpoint_auth_method: auth,
        },
      ],
      claims: {
        openid: ['sub', 'groups'],
        email: ['email', 'email_verified'],
        profile: ['name'],
      },
      conformIdTokenClaims: !claims_in_token,
      pkce: {methods: ['S256'], required: () => true},
      jwks: {keys: [signing_key(randomUUID()).private_jwk]},
      cookies: {keys: [randomUUID()]},
      features: {devInteractions: {enabled: true}},
      ttl: {AccessToken: 600, IdToken: 600, Interaction: 600, Session: 600, Grant: 600},
      findAccount: (_, sub) =>
        people[sub] && {accountId: sub, claims: async () => ({sub, ...people[sub]})},
    });
    this.handler = provider.callback();
  }
  stop() {
    this.server.closeAllConnections();
    return new Promise((resolve) => this.server.close(resolve));
  }
}

const encode = (value) =>
  Buffer.from(typeof value === 'string' ? value : JSON.stringify(value)).toString('base64url');

/// Signs as `alg` says: RS256 by `key`, HS256 with `secret`, none not at all.
export function forge(header, claims, {key, secret} = {}) {
  const text = `${encode(header)}.${encode(claims)}`;
  let signature = Buffer.alloc(0);
  if (secret !== undefined) signature = createHmac('sha256', secret).update(text).digest();
  else if (key) signature = sign('sha256', Buffer.from(text), key.privateKey);
  return `${text}.${signature.toString('base64url')}`;
}

/// Answers as told. `respond[path]`: (req, res, body) => handled it; else the honest answer.
/// The honest token endpoint signs `this.claims(nonce)`, changed by `this.spoil`.
export class EvilProvider {
  key = signing_key('the-key');
  other_key = signing_key('the-key');
  respond = {};
  spoil = null;
  nonce = '';
  access_token = `at-${randomUUID()}`;
  asked = [];
  secrets = new Set();

  async start() {
    this.server = http.createServer((req, res) => this.serve(req, res));
    this.issuer = `http://127.0.0.1:${await listen(this.server)}`;
    return this;
  }
  stop() {
    this.server.closeAllConnections();
    return new Promise((resolve) => this.server.close(resolve));
  }
  reset() {
    this.respond = {};
    this.spoil = null;
  }

  discovery() {
    return {
      issuer: this.issuer,
      authorization_endpoint: `${this.issuer}/authorize`,
      token_endpoint: `${this.issuer}/token`,
      jwks_uri: `${this.issuer}/keys`,
      response_types_supported: ['code'],
      authorization_response_iss_parameter_supported: true,
    };
  }
  claims(nonce) {
    const now = Math.floor(Date.now() / 1000);
    const hash = createHash('sha256').update(this.access_token).digest();
    return {
      iss: this.issuer,
      sub: 'mallory',
      aud: client_id,
      exp: now + 300,
      iat: now,
      nonce,
      at_hash: hash.subarray(0, 16).toString('base64url'),
      email: 'mallory@example.org',
      email_verified: true,
    };
  }
  token() {
    const made = {header: {alg: 'RS256', kid: this.key.kid, typ: 'JWT'}, with: {key: this.key}};
    made.claims = this.claims(this.nonce);
    this.spoil?.(made);
    const token = made.raw ?? forge(made.header, made.claims, made.with);
    this.secrets.add(token);
    return token;
  }

  async serve(req, res) {
    let body = '';
    for await (const chunk of req) body += chunk;
    const path = req.url.split('?')[0];
    this.asked.push({path, body, authorization: req.headers.authorization});
    if (this.respond[path]) {
      this.respond[path](req, res, body);
      return;
    }
    const answers = {
      '/.well-known/openid-configuration': () => this.discovery(),
      '/keys': () => ({keys: [this.key.jwk]}),
      '/token': () => ({
        access_token: this.access_token,
        token_type: 'Bearer',
        expires_in: 300,
        id_token: this.token(),
      }),
    };
    const answer = answers[path];
    res.writeHead(answer ? 200 : 404, {'content-type': 'application/json'});
    res.end(JSON.stringify(answer ? answer() : {error: 'not_found'}));
  }
}
