-- Bookkeeping of `samovar import-samui`: how far it got, and what it left out. Every row of the
-- source is either in its table here or named in import_skips, and a later run tries those again.
create table imports (
  user_id uuid not null references users (id) on delete cascade,
  source text not null,
  phase text not null default 'images'
    check (phase in ('images', 'boxes', 'points', 'jobs', 'results', 'verify', 'done')),
  started_at timestamptz not null default now(),
  finished_at timestamptz,
  primary key (user_id, source)
);

create table import_skips (
  user_id uuid not null,
  source text not null,
  kind text not null check (kind in ('images', 'boxes', 'points', 'jobs', 'results')),
  row_id uuid not null,
  reason text not null,
  primary key (user_id, source, kind, row_id),
  foreign key (user_id, source) references imports (user_id, source) on delete cascade
);

do $$
declare t text;
begin
  foreach t in array array['imports', 'import_skips']
  loop
    execute format('alter table %I enable row level security', t);
    execute format('alter table %I force row level security', t);
    execute format('create policy own_rows on %I to samovar_app '
      'using (user_id = (select app_user())) with check (user_id = (select app_user()))', t);
  end loop;
end $$;
grant select, insert, update (phase, finished_at) on imports to samovar_app;
grant select, insert, update (reason), delete on import_skips to samovar_app;

-- Runs as the caller, under its policies. Like add_image, but an import may exceed the quotas.
-- false: there is an image with this id.
create function import_image(new_id uuid, owner uuid, name text, path text, type text,
  bytes bigint, digest text, w integer, h integer, prompt text, at timestamptz) returns boolean
language plpgsql set search_path = public, pg_temp as $$
begin
  perform from users where id = owner for no key update;
  insert into images (id, user_id, filename, blob_path, content_type, byte_size, sha256, width,
    height, text_prompt, created_at)
  values (new_id, owner, name, path, type, bytes, digest, w, h, prompt, at)
  on conflict (id) do nothing;
  if not found then
    return false;
  end if;
  update users set image_count = image_count + 1, storage_bytes = storage_bytes + bytes
  where id = owner;
  return true;
end $$;
grant execute on function import_image(uuid, uuid, text, text, text, bigint, text, integer,
  integer, text, timestamptz) to samovar_app;

-- An old job may name images that were deleted since, which the policy for inserting refuses. This
-- lets them through, for the acting user only, and never an image of somebody else.
grant insert on processing_jobs to samovar_definer;
create function definer_import_job(new_id uuid, new_mode text, new_status text, images uuid[],
  names text[], done integer, failed integer, snapshot jsonb, why text, created timestamptz,
  started timestamptz, completed timestamptz) returns boolean
language plpgsql security definer set search_path = public, pg_temp as $$
begin
  if app_user() is null or exists (
    select from images i where i.id = any (definer_import_job.images) and i.user_id <> app_user())
  then
    raise insufficient_privilege using message = 'a job may name images of its own user only';
  end if;
  insert into processing_jobs (id, user_id, mode, status, image_ids, image_filenames,
    current_index, failed_count, annotations_snapshot, error, created_at, started_at, completed_at)
  values (new_id, app_user(), new_mode, new_status, images, names, done, failed, snapshot, why,
    created, started, completed)
  on conflict (id) do nothing;
  return found;
end $$;
revoke all on function definer_import_job(uuid, text, text, uuid[], text[], integer, integer,
  jsonb, text, timestamptz, timestamptz, timestamptz) from public;
grant execute on function definer_import_job(uuid, text, text, uuid[], text[], integer, integer,
  jsonb, text, timestamptz, timestamptz, timestamptz) to samovar_app, samovar_owner;
alter function definer_import_job(uuid, text, text, uuid[], text[], integer, integer,
  jsonb, text, timestamptz, timestamptz, timestamptz) owner to samovar_definer;
