-- What only administrators may do to a user. samovar_app has no grant for any of it.

-- Nulls leave a column as it is. false: no such user. A disabled user's web sessions end.
create function definer_change_user(who uuid, name text, rights text, jobs integer, images bigint,
  storage_mb bigint, weight double precision, disable boolean)
returns boolean
language plpgsql security definer set search_path = public, pg_temp as $$
begin
  update users set
    display_name = coalesce(name, display_name),
    role = coalesce(rights, role),
    max_concurrent_jobs = coalesce(jobs, max_concurrent_jobs),
    max_images = coalesce(images, max_images),
    max_storage_mb = coalesce(storage_mb, max_storage_mb),
    share_weight = coalesce(weight, share_weight),
    disabled_at = case when disable is null then disabled_at
                       when disable then coalesce(disabled_at, now()) end
  where id = who;
  if not found then
    return false;
  end if;
  if disable then
    delete from web_sessions where user_id = who;
  end if;
  insert into audit_log (user_id, action, detail)
  values (who, 'user.changed', jsonb_strip_nulls(jsonb_build_object(
    'role', rights, 'max_concurrent_jobs', jobs, 'max_images', images,
    'max_storage_mb', storage_mb, 'share_weight', weight, 'disabled', disable)));
  return true;
end $$;

-- Deletes the user with every row and queues every blob. false: no such user.
--
-- The jobs are locked before the user, in the order in which they are written, so that commits
-- under way end first and their results' blobs are seen below; and once more afterwards, for jobs
-- that came in between. An upload in between holds the user's row, so it is waited for too.
create function definer_delete_user(who uuid) returns boolean
language plpgsql security definer set search_path = public, pg_temp as $$
begin
  perform from processing_jobs where user_id = who order by id for update;
  perform from users where id = who for update;
  if not found then
    return false;
  end if;
  perform from processing_jobs where user_id = who order by id for update;
  insert into blob_deletions (user_id, blob_path)
  select who, i.blob_path from images i where i.user_id = who
  union all
  select who, 'users/' || who || '/thumbnails/' || i.id || '-' || side || '.jpg'
  from images i cross join unnest(array[64, 128, 256, 512, 1024]) as side where i.user_id = who
  union all
  select who, unnest(array[r.mask_blob_path, r.coco_json_blob_path])
  from processing_results r where r.user_id = who;
  delete from users where id = who;
  insert into audit_log (user_id, action) values (who, 'user.deleted');
  return true;
end $$;

do $$
declare f regprocedure;
begin
  foreach f in array array[
    'definer_change_user(uuid, text, text, integer, bigint, bigint, double precision, boolean)',
    'definer_delete_user(uuid)']::regprocedure[]
  loop
    execute format('revoke all on function %s from public', f);
    execute format('grant execute on function %s to samovar_app, samovar_owner', f);
    execute format('alter function %s owner to samovar_definer', f);
  end loop;
end $$;
