-- Work that grew with the square of a user's rows, or with everybody's.

-- For lists alone, which say so themselves: what PostgreSQL asks for a foreign key, or when an image or a
-- job goes, says nothing of the time and so can't be led through all results of a user, as it was before
-- the first analyze. Nothing ever asked for (user_id, mode).
drop index ix_results_user_mode;
drop index ix_results_user;
create index ix_results_user on processing_results (user_id, processed_at desc, id desc)
  where processed_at is not null;

-- In the order in which open jobs are locked. Without it all jobs there ever were are read for those.
drop index ix_jobs_open;
create index ix_jobs_open on processing_jobs (id) where status in ('queued', 'running');

-- As before. The images of each job are looked up one by one: a planner that knows nothing of the arrays
-- read all images of the user for each job.
create or replace function definer_open_jobs(wanted uuid[])
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
     from unnest(j.image_ids) as a (id)
     cross join lateral (select i.id, i.blob_path, i.sha256 from images i
                         where i.id = a.id and i.user_id = j.user_id offset 0) i),
    u.max_concurrent_jobs, u.share_weight, u.queue_paused
  from processing_jobs j join users u on u.id = j.user_id
  where j.id = any (wanted) order by j.created_at, j.id
$$;

-- As before. A snapshot is one value that holds the prompts of all images of its job. It is read once for
-- all images that want their part of it (the empty object joined to it makes the whole of it be read
-- then), where it was read once for each.
create or replace function definer_covering(images uuid[], modes text[])
returns table (image_id uuid, mode text, snapshot jsonb)
language sql stable security definer set search_path = public, pg_temp as $$
  with newest as materialized (
    select a.image, a.mode, c.id
    from unnest(images, modes) as a (image, mode)
    cross join lateral (
      with naming as materialized (
        select j.id, j.user_id, j.mode, j.status, j.created_at from processing_jobs j
        where j.image_ids @> array[a.image])
      select n.id from naming n
      where n.user_id = app_user() and n.mode = a.mode
        and (exists (select from processing_results r
                     where r.job_id = n.id and r.image_id = a.image)
          or (n.status in ('queued', 'running')
            and not exists (select from job_image_failures f
                            where f.job_id = n.id and f.image_id = a.image)))
      order by n.created_at desc, n.id desc limit 1) c)
  select p.image, p.mode, s.whole -> p.image::text
  from (select n.id, array_agg(n.image) as images, array_agg(n.mode) as modes
        from newest n group by n.id) g
  cross join lateral (select j.annotations_snapshot || '{}' as whole from processing_jobs j
                      where j.id = g.id offset 0) s
  cross join lateral unnest(g.images, g.modes) as p (image, mode)
$$;

-- As before.
create or replace function definer_delete_user(who uuid, actor uuid default null,
  origin text default null)
returns boolean
language plpgsql security definer set search_path = public, pg_temp as $$
declare
  name text;
begin
  perform from processing_jobs where user_id = who order by id for update;
  select email into name from users where id = who for update;
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
  from processing_results r where r.user_id = who and r.processed_at is not null;
  perform definer_audit(actor, origin, 'user_deleted', who, who, name, '{}');
  delete from users where id = who;
  return true;
end $$;
