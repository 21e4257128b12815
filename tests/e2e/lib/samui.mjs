// A database and a folder of files as the single-user application left them.
import {createHash, randomUUID} from 'node:crypto';
import fs from 'node:fs';
import path from 'node:path';

import {counts_from_mask} from './coco.mjs';
import {png, png_grey} from './pictures.mjs';
import {psql} from './psql.mjs';

export const old_schema = `
create type prompttype as enum ('SEGMENT', 'POSITIVE_EXEMPLAR', 'NEGATIVE_EXEMPLAR');
create type segmentationmode as enum ('INSIDE_BOX', 'FIND_ALL', 'POINT');
create type jobstatus as enum ('QUEUED', 'RUNNING', 'COMPLETED', 'FAILED');
create table images (id uuid primary key, filename varchar(255) not null,
  blob_path varchar(512) not null, width int not null, height int not null,
  created_at timestamptz not null, text_prompt varchar(1024));
create table bbox_annotations (id uuid primary key,
  image_id uuid not null references images on delete cascade, bbox_x int not null,
  bbox_y int not null, bbox_width int not null, bbox_height int not null,
  prompt_type prompttype not null, created_at timestamptz not null);
create table point_annotations (id uuid primary key,
  image_id uuid not null references images on delete cascade, point_x int not null,
  point_y int not null, is_positive bool not null, created_at timestamptz not null);
create table processing_jobs (id uuid primary key, mode segmentationmode not null,
  status jobstatus not null, image_ids json not null, image_filenames json not null,
  current_index int not null, created_at timestamptz not null, started_at timestamptz,
  completed_at timestamptz, error varchar(2048), annotations_snapshot json);
create table processing_results (id uuid primary key,
  job_id uuid not null references processing_jobs on delete cascade,
  image_id uuid not null references images on delete cascade, mode segmentationmode not null,
  mask_blob_path varchar(512) not null, coco_json_blob_path varchar(512) not null,
  processed_at timestamptz not null, bboxes json);
`;

const quote = (v) => (v === null ? 'null' : `'${String(v).replaceAll("'", "''")}'`);
const values = (row) => `(${row.map(quote).join(',')})`;
const modes = ['INSIDE_BOX', 'FIND_ALL', 'POINT'];
const types = ['SEGMENT', 'POSITIVE_EXEMPLAR', 'NEGATIVE_EXEMPLAR'];
const at = (n) => new Date(1_700_000_000_000 + n * 1000).toISOString().replace('Z', '123+00');

/// A rectangle; every third one begins at the first pixel, so that its run lengths are inverted.
function mask_of(k, w, h) {
  const mask = new Uint8Array(w * h);
  const [x0, y0] = k % 3 === 0 ? [0, 0] : [1 + (k % 5), 1 + (k % 3)];
  for (let y = y0; y < Math.min(h, y0 + 4 + (k % 4)); y++) {
    for (let x = x0; x < Math.min(w, x0 + 5 + (k % 7)); x++) mask[y * w + x] = 1;
  }
  return mask;
}

export class Samui {
  /// Makes `database` in the cluster of `data`, with its files in `folder`.
  constructor(data, database, folder) {
    Object.assign(this, {data, database, folder});
    psql(data, `create database ${database}`, 'postgres');
    this.sql(old_schema);
    for (const sub of ['images', 'masks', 'coco']) {
      fs.mkdirSync(path.join(folder, sub), {recursive: true});
    }
    Object.assign(this, {images: [], boxes: [], points: [], jobs: [], results: []});
  }
  sql(text) {
    return psql(this.data, text, this.database);
  }
  file(name) {
    return path.join(this.folder, name);
  }

  add_image({w = 24, h = 18, recorded = null, text = null} = {}) {
    const n = this.images.length;
    const bytes = png(w, h, n + 1);
    const image = {id: randomUUID(), path: `images/${randomUUID()}.png`, w, h, text};
    image.sha256 = createHash('sha256').update(bytes).digest('hex');
    image.bytes = bytes.length;
    image.filename = `photo "${n}" é's {x},\\.png`;
    fs.writeFileSync(this.file(image.path), bytes);
    const [rw, rh] = recorded ?? [w, h];
    image.row = [image.id, image.filename, image.path, rw, rh, at(n), text];
    this.images.push(image);
    return image;
  }
  add_box(image, k = this.boxes.length) {
    const box = {
      id: randomUUID(),
      bbox_x: k % 5,
      bbox_y: k % 4,
      bbox_width: 8,
      bbox_height: 6,
      prompt_type: types[k % 3].toLowerCase(),
    };
    const geometry = [box.bbox_x, box.bbox_y, box.bbox_width, box.bbox_height];
    this.boxes.push({image, box, row: [box.id, image.id, ...geometry, types[k % 3], at(k)]});
    return box;
  }
  add_point(image, k = this.points.length) {
    const point = {id: randomUUID(), point_x: k % 7, point_y: k % 6, is_positive: k % 2 === 0};
    const row = [point.id, image.id, point.point_x, point.point_y, point.is_positive, at(k)];
    this.points.push({image, point, row});
    return point;
  }
  prompts_of(image) {
    return {
      text_prompt: image.text,
      bbox_annotations: this.boxes.filter((b) => b.image === image).map((b) => b.box),
      point_annotations: this.points.filter((p) => p.image === image).map((p) => p.point),
    };
  }
  add_job(images, {status = 'COMPLETED', error = null, snapshot = true, ids = null} = {}) {
    const k = this.jobs.length;
    const job = {id: randomUUID(), images, status, error, mode: modes[k % 3]};
    if (snapshot) {
      job.snapshot = Object.fromEntries(images.map((i) => [i.id, this.prompts_of(i)]));
    }
    const ended = ['COMPLETED', 'FAILED'].includes(status);
    job.row = [
      job.id,
      job.mode,
      status,
      JSON.stringify(ids ?? images.map((i) => i.id)),
      JSON.stringify(images.map((i) => i.filename)),
      ended ? images.length : 0,
      at(k),
      status === 'QUEUED' ? null : at(k + 1),
      ended ? at(k + 2) : null,
      error,
      snapshot ? JSON.stringify(job.snapshot) : null,
    ];
    this.jobs.push(job);
    return job;
  }
  /// Writes the two files as well. `masks`: how many instances.
  add_result(job, image, {masks = 1, when = this.results.length} = {}) {
    const k = this.results.length;
    const size = [image.h, image.w];
    const result = {id: randomUUID(), job, image, masks: []};
    for (let i = 0; i < masks; i++) result.masks.push(mask_of(k + i, image.w, image.h));
    result.mask_path = `masks/${result.id}.png`;
    result.coco_path = `coco/${result.id}.json`;
    const annotations = result.masks.map((mask, i) => {
      const counts = counts_from_mask(mask, size);
      if (mask[0]) counts.unshift(0); // the old program's mistake
      return {
        id: i + 1,
        image_id: image.id,
        category_id: 1,
        segmentation: {counts, size},
        area: 1,
        bbox: [0, 0, 3, 3],
        iscrowd: 1,
      };
    });
    const coco = {
      images: [{id: image.id, width: image.w, height: image.h, file_name: image.filename}],
      annotations,
      categories: [{id: 1, name: 'object'}],
    };
    fs.writeFileSync(this.file(result.coco_path), JSON.stringify(coco));
    const union = new Uint8Array(image.w * image.h);
    for (const mask of result.masks) mask.forEach((v, i) => (union[i] |= v * 255));
    fs.writeFileSync(
      this.file(result.mask_path),
      masks ? png_grey(image.w, image.h, union) : png_grey(1, 1, new Uint8Array(1)),
    );
    result.union = union.map((v) => v / 255);
    const paths = [result.mask_path, result.coco_path];
    const boxes = [{x: 0, y: 0, width: 3, height: 3}];
    const bboxes = job.mode === 'FIND_ALL' ? JSON.stringify(boxes) : null;
    result.row = [result.id, job.id, image.id, job.mode, ...paths, at(when), bboxes];
    this.results.push(result);
    return result;
  }

  /// Writes the rows gathered so far.
  save() {
    const tables = {
      images: this.images,
      bbox_annotations: this.boxes,
      point_annotations: this.points,
      processing_jobs: this.jobs,
      processing_results: this.results,
    };
    let text = 'begin;\n';
    for (const [table, rows] of Object.entries(tables)) {
      for (let i = 0; i < rows.length; i += 200) {
        const some = rows.slice(i, i + 200).map((r) => values(r.row));
        text += `insert into ${table} values ${some.join(',\n')};\n`;
      }
    }
    this.sql(`${text}commit;`);
    return this;
  }
  /// Images with boxes, points, texts, jobs of several images and a result for each.
  fill(count) {
    for (let n = 0; n < count; n++) {
      const text = n % 4 ? null : `it ${n}`;
      const image = this.add_image({w: 20 + (n % 9), h: 14 + (n % 5), text});
      for (let k = 0; k < 3; k++) this.add_box(image);
      for (let k = 0; k < n % 3; k++) this.add_point(image);
    }
    for (let n = 0; n < count; n += 5) {
      for (let k = 0; k < 2; k++) {
        const images = this.images.slice(n, n + 5);
        const job = this.add_job(images);
        images.forEach((image, i) => this.add_result(job, image, {masks: (n + i + k) % 4}));
      }
    }
    return this;
  }
}
