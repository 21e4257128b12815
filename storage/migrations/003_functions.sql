-- SECURITY DEFINER functions: what must run before a user is known or across users. Owned by
-- samovar_definer (no login, no BYPASSRLS), with a fixed search_path.

create function definer_count_users() returns bigint
language sql stable security definer set search_path = public, pg_temp as $$
  select count(*) from users
$$;

-- false: the address exists.
create function definer_create_user(new_id uuid, new_email text, name text, hash text, rights text)
returns boolean
language plpgsql security definer set search_path = public, pg_temp as $$
begin
  -- A replay of the same insert (same id) counts as done.
  if exists (select from users where id = new_id) then
    return true;
  end if;
  insert into users (id, email, display_name, password_hash, role)
  values (new_id, new_email, name, hash, rights)
  on conflict do nothing;
  if not found then
    return false;
  end if;
  insert into audit_log (user_id, action, detail)
  values (new_id, 'user.created', jsonb_build_object('role', rights));
  return true;
end $$;

-- false: there is a user already. The lock makes two first admins impossible.
create function definer_create_first_admin(new_id uuid, new_email text, name text, hash text)
returns boolean
language plpgsql security definer set search_path = public, pg_temp as $$
begin
  perform pg_advisory_xact_lock(7236520201);
  if exists (select from users) then
    return false;
  end if;
  return definer_create_user(new_id, new_email, name, hash, 'admin');
end $$;

create function definer_find_login(address text)
returns table (id uuid, password_hash text, disabled boolean)
language sql stable security definer set search_path = public, pg_temp as $$
  select u.id, u.password_hash, u.disabled_at is not null
  from users u where lower(u.email) = lower(address)
$$;

create function definer_list_users()
returns table (id uuid, email text, display_name text, role text, max_concurrent_jobs integer,
  max_images bigint, max_storage_mb bigint, share_weight double precision, image_count bigint,
  storage_bytes bigint, running_jobs integer, created_at timestamptz, disabled_at timestamptz)
language sql stable security definer set search_path = public, pg_temp as $$
  select u.id, u.email, u.display_name, u.role, u.max_concurrent_jobs, u.max_images,
    u.max_storage_mb, u.share_weight, u.image_count, u.storage_bytes,
    (select count(*)::integer from processing_jobs j
     where j.user_id = u.id and j.status = 'running'),
    u.created_at, u.disabled_at
  from users u order by u.created_at, u.id
$$;

-- Disabling ends the web sessions. false: no such user.
create function definer_set_disabled(who uuid, disable boolean) returns boolean
language plpgsql security definer set search_path = public, pg_temp as $$
begin
  update users set disabled_at = case when disable then coalesce(disabled_at, now()) end
  where id = who;
  if not found then
    return false;
  end if;
  if disable then
    delete from web_sessions where user_id = who;
  end if;
  insert into audit_log (user_id, action)
  values (who, case when disable then 'user.disabled' else 'user.enabled' end);
  return true;
end $$;

create function definer_find_api_key(secret bytea)
returns table (user_id uuid, role text, key_id uuid, read_only boolean)
language sql stable security definer set search_path = public, pg_temp as $$
  select k.user_id, u.role, k.id, k.read_only
  from api_keys k join users u on u.id = k.user_id
  where k.secret_sha256 = secret and u.disabled_at is null
    and (k.expires_at is null or k.expires_at > now())
$$;

-- At most one write a minute and key.
create function definer_touch_api_key(which uuid) returns void
language sql security definer set search_path = public, pg_temp as $$
  update api_keys set last_used_at = now()
  where id = which and (last_used_at is null or last_used_at < now() - interval '1 minute')
$$;

-- A session ends at expires_at, or after a week without use. Marked as seen at most once a minute.
create function definer_find_web_session(token bytea)
returns table (user_id uuid, role text, session_id uuid, csrf_token text)
language plpgsql security definer set search_path = public, pg_temp as $$
#variable_conflict use_column
declare
  s web_sessions%rowtype;
  rights text;
begin
  select w.* into s from web_sessions w
  where w.token_sha256 = token and w.expires_at > now()
    and w.last_seen_at > now() - interval '7 days';
  if not found then
    return;
  end if;
  select u.role into rights from users u where u.id = s.user_id and u.disabled_at is null;
  if not found then
    return;
  end if;
  if s.last_seen_at < now() - interval '1 minute' then
    update web_sessions w set last_seen_at = now() where w.id = s.id;
  end if;
  return query select s.user_id, rights, s.id, s.csrf_token;
end $$;

create function definer_expire_web_sessions() returns bigint
language sql security definer set search_path = public, pg_temp as $$
  with gone as (
    delete from web_sessions
    where expires_at <= now() or last_seen_at <= now() - interval '7 days' returning 1)
  select count(*) from gone
$$;

-- Takes every unfinished job (of one user, or of all) over to `epoch`, and sets its counts to what
-- the rows say. A lower epoch never takes from a higher one.
create function definer_take_open_jobs(epoch bigint, only_user uuid) returns table (taken uuid)
language sql security definer set search_path = public, pg_temp as $$
  with open_jobs as (
    select j.id from processing_jobs j
    where j.status in ('queued', 'running') and j.fencing_token <= epoch
      and (only_user is null or j.user_id = only_user)
    order by j.id
    for update skip locked),
  counted as (
    select o.id,
      (select count(*)::integer from processing_results r where r.job_id = o.id) as done,
      (select count(*)::integer from job_image_failures f where f.job_id = o.id) as failed
    from open_jobs o)
  update processing_jobs j
  set fencing_token = epoch, current_index = c.done + c.failed, failed_count = c.failed,
    version = j.version + case when j.current_index = c.done + c.failed
      and j.failed_count = c.failed then 0 else 1 end
  from counted c where j.id = c.id
  returning j.id
$$;

-- What a server needs to go on with the jobs it took.
create function definer_open_jobs(wanted uuid[])
returns table (id uuid, user_id uuid, mode text, status text, priority integer, image_ids uuid[],
  image_filenames text[], current_index integer, failed_count integer, error text, version bigint,
  fencing_token bigint, created_at timestamptz, started_at timestamptz, completed_at timestamptz,
  snapshot jsonb, ended uuid[], blobs jsonb, max_concurrent_jobs integer,
  share_weight double precision)
language sql stable security definer set search_path = public, pg_temp as $$
  select j.id, j.user_id, j.mode, j.status, j.priority, j.image_ids, j.image_filenames,
    j.current_index, j.failed_count, j.error, j.version, j.fencing_token, j.created_at,
    j.started_at, j.completed_at, j.annotations_snapshot,
    array(select r.image_id from processing_results r where r.job_id = j.id
          union select f.image_id from job_image_failures f where f.job_id = j.id),
    (select coalesce(jsonb_object_agg(i.id, jsonb_build_array(i.blob_path, i.sha256)), '{}')
     from images i where i.id = any (j.image_ids) and i.user_id = j.user_id),
    u.max_concurrent_jobs, u.share_weight
  from processing_jobs j join users u on u.id = j.user_id
  where j.id = any (wanted) order by j.created_at, j.id
$$;

-- Change detection: per (image, mode), the image's part of the snapshot of the newest job that
-- covers it. For the acting user only. A definer function, because row-level security keeps the
-- index on image_ids from being used (its operator is not leakproof).
create function definer_covering(images uuid[], modes text[])
returns table (image_id uuid, mode text, snapshot jsonb)
language sql stable security definer set search_path = public, pg_temp as $$
  select a.image, a.mode, c.snapshot
  from unnest(images, modes) as a (image, mode)
  cross join lateral (
    with naming as materialized (
      select j.id, j.user_id, j.mode, j.status, j.created_at from processing_jobs j
      where j.image_ids @> array[a.image])
    select n.id from naming n
    where n.user_id = app_user() and n.mode = a.mode
      and (exists (select from processing_results r where r.job_id = n.id and r.image_id = a.image)
        or (n.status in ('queued', 'running')
          and not exists (select from job_image_failures f
                          where f.job_id = n.id and f.image_id = a.image)))
    order by n.created_at desc, n.id desc limit 1) newest
  cross join lateral (
    select j.annotations_snapshot -> a.image::text as snapshot
    from processing_jobs j where j.id = newest.id) c
$$;

-- The sweeper's side of the outbox.
create function definer_blob_deletions(at_most integer)
returns table (id bigint, blob_path text)
language sql stable security definer set search_path = public, pg_temp as $$
  select d.id, d.blob_path from blob_deletions d order by d.id limit at_most
$$;

create function definer_forget_blob_deletions(ids bigint[]) returns void
language sql security definer set search_path = public, pg_temp as $$
  delete from blob_deletions where id = any (ids)
$$;

-- Which of these images or results exist (any user): the sweeper spares their blobs.
create function definer_known_blob_owners(ids uuid[]) returns table (id uuid)
language sql stable security definer set search_path = public, pg_temp as $$
  select i.id from images i where i.id = any (ids)
  union all
  select r.id from processing_results r where r.id = any (ids)
$$;

create function definer_known_blob_paths(paths text[]) returns table (blob_path text)
language sql stable security definer set search_path = public, pg_temp as $$
  select i.blob_path from images i where i.blob_path = any (paths)
$$;

do $$
declare f regprocedure;
begin
  for f in select p.oid::regprocedure from pg_proc p
           where p.pronamespace = 'public'::regnamespace and p.prosecdef
  loop
    execute format('revoke all on function %s from public', f);
    execute format('grant execute on function %s to samovar_app, samovar_owner', f);
    execute format('alter function %s owner to samovar_definer', f);
  end loop;
end $$;
grant execute on function app_user() to samovar_app, samovar_definer;

-- Runs as the caller, under its policies. 'ok', 'images' or 'storage' (which quota is reached).
create function add_image(new_id uuid, owner uuid, name text, path text, type text, bytes bigint,
  digest text, w integer, h integer, prompt text, at timestamptz) returns text
language plpgsql set search_path = public, pg_temp as $$
declare u users%rowtype;
begin
  select * into u from users where id = owner for no key update;
  if not found then
    return 'user';
  end if;
  if exists (select from images where id = new_id and user_id = owner) then
    return 'ok';  -- the same insert again, after a commit in doubt
  end if;
  if u.image_count + 1 > u.max_images then
    return 'images';
  end if;
  if u.storage_bytes + bytes > u.max_storage_mb * 1048576 then
    return 'storage';
  end if;
  insert into images (id, user_id, filename, blob_path, content_type, byte_size, sha256, width,
    height, text_prompt, created_at)
  values (new_id, owner, name, path, type, bytes, digest, w, h, prompt, at);
  update users set image_count = image_count + 1, storage_bytes = storage_bytes + bytes
  where id = owner;
  return 'ok';
end $$;

-- Deletes an image with all that hangs on it, gives the quota back and queues its blobs.
create function remove_image(which uuid, owner uuid) returns boolean
language plpgsql set search_path = public, pg_temp as $$
declare gone images%rowtype;
begin
  perform from users where id = owner for no key update;
  select * into gone from images where id = which and user_id = owner for update;
  if not found then
    return false;
  end if;
  insert into blob_deletions (user_id, blob_path)
  select owner, gone.blob_path
  union all
  select owner, unnest(array[r.mask_blob_path, r.coco_json_blob_path])
  from processing_results r where r.image_id = which and r.user_id = owner;
  delete from images where id = which and user_id = owner;
  update users set image_count = image_count - 1, storage_bytes = storage_bytes - gone.byte_size
  where id = owner;
  return true;
end $$;
grant execute on function add_image(uuid, uuid, text, text, text, bigint, text, integer, integer,
  text, timestamptz), remove_image(uuid, uuid) to samovar_app;
