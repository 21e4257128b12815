-- All tables, with row-level security from the first moment. Run as samovar_owner.

-- The acting user of this transaction; NULL when unset, empty or not shaped like a UUID, so that a
-- policy comparing with it lets nothing through.
create function app_user() returns uuid
language sql stable parallel safe as $$
  select case
    when current_setting('app.current_user_id', true)
         ~ '^[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}$'
    then current_setting('app.current_user_id', true)::uuid
  end
$$;

-- Epochs: fencing tokens and boot numbers.
create sequence server_epoch;

create table users (
  id uuid primary key,
  email text not null check (length(email) between 3 and 254),
  display_name text not null default '',
  password_hash text,
  role text not null default 'user' check (role in ('user', 'admin')),
  max_concurrent_jobs integer not null default 1 check (max_concurrent_jobs >= 1),
  max_images bigint not null default 1000 check (max_images >= 0),
  max_storage_mb bigint not null default 5000 check (max_storage_mb >= 0),
  share_weight double precision not null default 1 check (share_weight > 0),
  storage_bytes bigint not null default 0 check (storage_bytes >= 0),
  image_count bigint not null default 0 check (image_count >= 0),
  created_at timestamptz not null default now(),
  disabled_at timestamptz
);
create unique index ux_users_email on users (lower(email));
create index ix_users_created_at on users (created_at, id);

create table images (
  id uuid primary key,
  user_id uuid not null references users (id) on delete cascade,
  filename varchar(255) not null,
  blob_path varchar(512) not null,
  content_type text not null,
  byte_size bigint not null check (byte_size >= 0),
  sha256 text not null,
  width integer not null check (width > 0),
  height integer not null check (height > 0),
  text_prompt varchar(1024),
  created_at timestamptz not null default now(),
  unique (id, user_id)
);
create index ix_images_user_id on images (user_id, created_at desc, id desc);
create index ix_images_blob_path on images (blob_path);

create table bbox_annotations (
  id uuid primary key,
  image_id uuid not null,
  user_id uuid not null,
  bbox_x integer not null,
  bbox_y integer not null,
  bbox_width integer not null,
  bbox_height integer not null,
  prompt_type text not null
    check (prompt_type in ('segment', 'positive_exemplar', 'negative_exemplar')),
  created_at timestamptz not null default now(),
  foreign key (image_id, user_id) references images (id, user_id) on delete cascade
);
create index ix_bbox_annotations_image on bbox_annotations (image_id, created_at, id);

create table point_annotations (
  id uuid primary key,
  image_id uuid not null,
  user_id uuid not null,
  point_x integer not null,
  point_y integer not null,
  is_positive boolean not null default true,
  created_at timestamptz not null default now(),
  foreign key (image_id, user_id) references images (id, user_id) on delete cascade
);
create index ix_point_annotations_image on point_annotations (image_id, created_at, id);

create table processing_jobs (
  id uuid primary key,
  user_id uuid not null references users (id) on delete cascade,
  mode text not null check (mode in ('inside_box', 'find_all', 'point')),
  status text not null default 'queued'
    check (status in ('queued', 'running', 'completed', 'failed', 'cancelled')),
  priority integer not null default 0,
  image_ids uuid[] not null check (cardinality(image_ids) > 0),
  image_filenames text[] not null,
  current_index integer not null default 0,
  failed_count integer not null default 0,
  annotations_snapshot jsonb not null,
  error text,
  idempotency_key text,
  request_hash bytea,
  version bigint not null default 1,
  fencing_token bigint not null default 0,
  created_at timestamptz not null default now(),
  started_at timestamptz,
  completed_at timestamptz,
  check (cardinality(image_filenames) = cardinality(image_ids)),
  check (current_index between 0 and cardinality(image_ids)),
  check (failed_count between 0 and current_index),
  unique (id, user_id),
  unique (user_id, idempotency_key)
) with (fillfactor = 80);
create index ix_jobs_user_created on processing_jobs (user_id, created_at desc, id desc);
create index ix_jobs_user_status on processing_jobs (user_id, status, created_at desc, id desc);
create index ix_jobs_open on processing_jobs (created_at, id) where status in ('queued', 'running');
create index ix_jobs_image_ids on processing_jobs using gin (image_ids) with (fastupdate = off);

create table processing_results (
  id uuid primary key,
  job_id uuid not null,
  image_id uuid not null,
  user_id uuid not null,
  mode text not null check (mode in ('inside_box', 'find_all', 'point')),
  detections jsonb not null,
  bboxes jsonb,
  scores double precision[] not null default '{}',
  mask_blob_path varchar(512) not null,
  coco_json_blob_path varchar(512) not null,
  model text not null default '',
  device_ms double precision not null default 0,
  processed_at timestamptz not null default now(),
  unique (job_id, image_id),
  foreign key (job_id, user_id) references processing_jobs (id, user_id) on delete cascade,
  foreign key (image_id, user_id) references images (id, user_id) on delete cascade
);
-- Masks are run lengths already: no time is spent on compressing them again.
alter table processing_results alter column detections set storage external;
create index ix_results_user_mode
  on processing_results (user_id, mode, processed_at desc, id desc);
create index ix_results_user on processing_results (user_id, processed_at desc, id desc);
create index ix_results_image on processing_results (image_id, processed_at desc, id desc);

-- Refers to the job only: the image may be gone, and the failure must still be counted.
create table job_image_failures (
  job_id uuid not null,
  image_id uuid not null,
  user_id uuid not null,
  attempts integer not null default 1,
  error text not null,
  failed_at timestamptz not null default now(),
  primary key (job_id, image_id),
  foreign key (job_id, user_id) references processing_jobs (id, user_id) on delete cascade
);

create table api_keys (
  id uuid primary key,
  user_id uuid not null references users (id) on delete cascade,
  name varchar(100) not null,
  prefix text not null,
  secret_sha256 bytea not null unique check (length(secret_sha256) = 32),
  read_only boolean not null default false,
  created_at timestamptz not null default now(),
  expires_at timestamptz,
  last_used_at timestamptz
);
create index ix_api_keys_user on api_keys (user_id, created_at desc, id desc);

create table web_sessions (
  id uuid primary key,
  user_id uuid not null references users (id) on delete cascade,
  token_sha256 bytea not null unique check (length(token_sha256) = 32),
  csrf_token text not null,
  created_at timestamptz not null default now(),
  last_seen_at timestamptz not null default now(),
  expires_at timestamptz not null
);
create index ix_web_sessions_user on web_sessions (user_id);

create table oidc_identities (
  issuer text not null,
  subject text not null,
  user_id uuid not null references users (id) on delete cascade,
  created_at timestamptz not null default now(),
  primary key (issuer, subject)
);
create index ix_oidc_identities_user on oidc_identities (user_id);

-- Outbox: blobs to delete after the commit that made them unneeded. No foreign key, because the
-- entry must survive its user.
create table blob_deletions (
  id bigint generated always as identity primary key,
  user_id uuid not null,
  blob_path varchar(512) not null,
  queued_at timestamptz not null default now()
);

-- What administrators and sign-in did. No foreign key: the entry outlives its user.
create table audit_log (
  id bigint generated always as identity primary key,
  user_id uuid,
  action text not null,
  detail jsonb not null default '{}',
  at timestamptz not null default now()
);
create index ix_audit_log_user on audit_log (user_id, at desc);
