-- A user may pause the own queue: running units finish, no further one begins. Durable, so that a
-- restart doesn't resume what somebody stopped.
alter table users add column queue_paused boolean not null default false;
grant update (queue_paused) on users to samovar_app;

drop function definer_open_jobs(uuid[]);
create function definer_open_jobs(wanted uuid[])
returns table (id uuid, user_id uuid, mode text, status text, priority integer, image_ids uuid[],
  image_filenames text[], current_index integer, failed_count integer, error text, version bigint,
  fencing_token bigint, created_at timestamptz, started_at timestamptz, completed_at timestamptz,
  snapshot jsonb, ended uuid[], blobs jsonb, max_concurrent_jobs integer,
  share_weight double precision, queue_paused boolean)
language sql stable security definer set search_path = public, pg_temp as $$
  select j.id, j.user_id, j.mode, j.status, j.priority, j.image_ids, j.image_filenames,
    j.current_index, j.failed_count, j.error, j.version, j.fencing_token, j.created_at,
    j.started_at, j.completed_at, j.annotations_snapshot,
    array(select r.image_id from processing_results r where r.job_id = j.id
          union select f.image_id from job_image_failures f where f.job_id = j.id),
    (select coalesce(jsonb_object_agg(i.id, jsonb_build_array(i.blob_path, i.sha256)), '{}')
     from images i where i.id = any (j.image_ids) and i.user_id = j.user_id),
    u.max_concurrent_jobs, u.share_weight, u.queue_paused
  from processing_jobs j join users u on u.id = j.user_id
  where j.id = any (wanted) order by j.created_at, j.id
$$;

revoke all on function definer_open_jobs(uuid[]) from public;
grant execute on function definer_open_jobs(uuid[]) to samovar_app, samovar_owner;
alter function definer_open_jobs(uuid[]) owner to samovar_definer;
