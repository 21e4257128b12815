// Self-signed certificates, made by openssl.
import {execFileSync} from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';

/// chain.pem and key.pem in `folder`; gives the certificate's text. The certificate is valid for
/// 127.0.0.1, so that a client which trusts it verifies it in full.
export function make_certificate(folder, common_name) {
  fs.mkdirSync(folder, {recursive: true});
  const [chain, key] = [path.join(folder, 'chain.pem'), path.join(folder, 'key.pem')];
  const args = ['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1'];
  args.push('-nodes', '-days', '2', '-subj', `/CN=${common_name}`);
  args.push('-addext', 'subjectAltName=IP:127.0.0.1,DNS:localhost');
  // Beside and then renamed: nobody sees half a file.
  execFileSync('openssl', [...args, '-keyout', `${key}.new`, '-out', `${chain}.new`], {
    stdio: 'pipe',
  });
  fs.renameSync(`${key}.new`, key);
  fs.renameSync(`${chain}.new`, chain);
  return fs.readFileSync(chain, 'utf8');
}
