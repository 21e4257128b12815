-- Pages that were cut out of all rows.

-- As definer_list_users, which goes on giving all of them: those after a position, oldest first.
create function definer_users_page(after_at timestamptz, after_id uuid, at_most bigint)
returns table (id uuid, email text, display_name text, role text, max_concurrent_jobs integer,
  max_images bigint, max_storage_mb bigint, share_weight double precision, image_count bigint,
  storage_bytes bigint, running_jobs integer, created_at timestamptz, disabled_at timestamptz)
language sql stable security definer set search_path = public, pg_temp as $$
  select u.id, u.email, u.display_name, u.role, u.max_concurrent_jobs, u.max_images,
    u.max_storage_mb, u.share_weight, u.image_count, u.storage_bytes,
    (select count(*)::integer from processing_jobs j
     where j.user_id = u.id and j.status = 'running'),
    u.created_at, u.disabled_at
  from users u where (u.created_at, u.id) > (after_at, after_id)
  order by u.created_at, u.id limit at_most
$$;
revoke all on function definer_users_page(timestamptz, uuid, bigint) from public;
grant execute on function definer_users_page(timestamptz, uuid, bigint)
  to samovar_app, samovar_owner;
alter function definer_users_page(timestamptz, uuid, bigint) owner to samovar_definer;

-- The audit log of one account (what it did, and what was done to it), whole and of one action, each
-- in the log's order.
create index ix_audit_log_user_action on audit_log (user_id, action, id desc);
create index ix_audit_log_actor_id on audit_log (actor_id, id desc);
create index ix_audit_log_actor_action on audit_log (actor_id, action, id desc);
drop index ix_audit_log_actor;  -- (actor_id, at desc), which only the next function used

-- As before. There are a few such paths, so a minute's lines are among the last hundred.
create or replace function definer_audit_read(reader uuid, origin text, what text) returns void
language sql security definer set search_path = public, pg_temp as $$
  select definer_audit(reader, origin, 'admin_read', null, null, what, '{}')
  where not exists (select from (
      select a.subject, a.at from audit_log a
      where a.actor_id = reader and a.action = 'admin_read' order by a.id desc limit 100) newest
    where newest.subject = what and newest.at > now() - interval '1 minute')
$$;

-- As before, planned for the filter asked for each time (`execute` does that): one plan for all filters
-- read the whole log for an account or an action that is rare in it.
create or replace function definer_list_audit(below bigint, at_most integer, only_action text,
  only_user uuid)
returns table (id bigint, at timestamptz, actor_id uuid, actor_email text, action text,
  subject_id uuid, subject text, address text, detail jsonb)
language plpgsql stable security definer set search_path = public, pg_temp as $$
declare
  columns constant text := 'x.id, x.at, x.actor_id, x.actor_email, x.action, x.subject_id, '
    'x.subject, x.address, x.detail';
  page constant text := 'and ($3 is null or x.action = $3) '
    'and x.id < coalesce($1, 9223372036854775807) order by x.id desc limit $2';
begin
  if only_user is null then
    return query execute 'select ' || columns || ' from audit_log x where true ' || page
      using below, at_most, only_action;
  else
    -- What it did to itself is in both parts, and given by the first.
    return query execute 'select ' || columns || ' from ('
      '(select * from audit_log x where x.user_id = $4 ' || page || ') union all '
      '(select * from (select * from audit_log x where x.actor_id = $4 ' || page || ') did '
      'where did.user_id is distinct from $4)) x order by x.id desc limit $2'
      using below, at_most, only_action, only_user;
  end if;
end $$;

create or replace function definer_count_audit(only_action text, only_user uuid) returns bigint
language plpgsql stable security definer set search_path = public, pg_temp as $$
declare
  counted constant text := '(select count(*) from audit_log x where ($1 is null or x.action = $1) ';
  found bigint;
begin
  if only_user is null then
    execute 'select ' || counted || ')' into found using only_action;
  else
    execute 'select ' || counted || 'and x.user_id = $2) + ' || counted
      || 'and x.actor_id = $2 and x.user_id is distinct from $2)' into found
      using only_action, only_user;
  end if;
  return found;
end $$;
