// samovar check-model, on the small golden checkpoint and on what is none.
import assert from 'node:assert/strict';
import crypto from 'node:crypto';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';

import {product_root, run_program} from '../lib/server.mjs';

export default async function (t) {
  const golden = path.join(product_root(), 'tests/golden/sam3');
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'check-model-'));
  t.after(() => fs.rmSync(folder, {recursive: true}));
  const weights = fs.readFileSync(path.join(golden, 'weights.safetensors'));
  const header_length = Number(weights.readBigUInt64LE(0));
  const header = JSON.parse(weights.subarray(8, 8 + header_length).toString());
  fs.copyFileSync(path.join(golden, 'config.json'), path.join(folder, 'config.json'));
  const check = async (name, bytes) => {
    fs.writeFileSync(path.join(folder, name), bytes);
    return run_program(['check-model', path.join(folder, name)]);
  };
  /// The golden file with other names.
  const with_names = (rename) => {
    const named = {};
    for (const [name, tensor] of Object.entries(header)) named[rename(name)] = tensor;
    const text = Buffer.from(JSON.stringify(named));
    const length = Buffer.alloc(8);
    length.writeBigUInt64LE(BigInt(text.length));
    return Buffer.concat([length, text, weights.subarray(8 + header_length)]);
  };

  await t.test('a checkpoint is described and usable', async () => {
    const {code, out, err} = await check('model.safetensors', weights);
    assert.equal(code, 0, err);
    const sum = crypto.createHash('sha256').update(weights).digest('hex');
    assert.match(out, new RegExp(`^sha256 +${sum}$`, 'm'));
    assert.match(out, new RegExp(`^file +model.safetensors, safetensors, ${weights.length} bytes$`, 'm'));
    const tensors = Object.keys(header).filter((name) => name !== '__metadata__').length;
    assert.match(out, new RegExp(`^tensors +${tensors}, [0-9]+ bytes: ${tensors} F32$`, 'm'));
    assert.match(out, /^names +as released$/m);
    const {image_size} = JSON.parse(fs.readFileSync(path.join(golden, 'config.json')));
    assert.match(out, new RegExp(`^image +${image_size} px`, 'm'));
    assert.match(out, /^usable$/m);
    assert.equal(err, '');
  });

  await t.test('what is missing and unknown is named', async () => {
    const old = 'detector.transformer.decoder.query_embed.weight';
    const {code, out, err} = await check(
      'renamed.safetensors',
      with_names((name) => (name === 'tracker.no_mem_embed' ? 'tracker.something' : name)),
    );
    assert.equal(code, 1);
    assert.match(out, /^missing +tracker\.no_mem_embed$/m);
    assert.match(out, /^unknown +tracker\.something$/m);
    assert.doesNotMatch(out, /usable/);
    assert.match(err, /renamed\.safetensors: Not a usable SAM 3 checkpoint: 1 tensors are missing/);
    const second = await check(
      'no-queries.safetensors',
      with_names((name) => (name === old ? 'x.y' : name)),
    );
    assert.equal(second.code, 1);
    assert.match(second.err, /query_embed\.weight is missing/);
  });

  await t.test('an archive of torch.save is read, and one that is no SAM 3 is refused', async () => {
    const {code, out, err} = await check(
      'sam3.pt',
      fs.readFileSync(path.join(golden, 'mini_checkpoint_nested.pt')),
    );
    assert.equal(code, 1);
    assert.match(out, /^file +sam3\.pt, torch archive, /m);
    assert.match(out, /^tensors +10, /m);
    assert.match(err, /Not a SAM 3 checkpoint: tensor .* is missing/);
  });

  await t.test('torn, foreign and absent files are refused with a sentence', async () => {
    for (const [name, bytes, why] of [
      ['torn.safetensors', weights.subarray(0, weights.length - 1), /outside the file/],
      ['picture.safetensors', Buffer.from('\x89PNG\r\n\x1a\n and so on'), /Not a readable safe/],
      ['empty', Buffer.alloc(0), /it is empty/],
    ]) {
      const {code, out, err} = await check(name, bytes);
      assert.equal(code, 1, name);
      assert.match(err, why);
      assert.equal(err.trim().split('\n').length, 1, 'one sentence');
      assert.equal(out, '');
    }
    const absent = await run_program(['check-model', path.join(folder, 'absent')]);
    assert.equal(absent.code, 1);
    assert.match(absent.err, /No such file/);
    const without = await run_program(['check-model']);
    assert.equal(without.code, 2);
  });
}
