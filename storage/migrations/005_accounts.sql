-- Accounts for a team: rotating session tokens, one-time links, the audit log with who and whence,
-- and word of every change to all servers on this database.

alter table web_sessions
  add column address text not null default '',
  add column user_agent text not null default '',
  add column previous_sha256 bytea unique check (length(previous_sha256) = 32),
  add column rotated_at timestamptz not null default now(),
  -- First use of the token that replaced previous_sha256; NULL: the browser may not have it yet.
  add column confirmed_at timestamptz;

create table account_links (
  id uuid primary key,
  user_id uuid not null references users (id) on delete cascade,
  kind text not null check (kind in ('invite', 'reset')),
  token_sha256 bytea not null unique check (length(token_sha256) = 32),
  created_at timestamptz not null default now(),
  expires_at timestamptz not null
);
create index ix_account_links_user on account_links (user_id);
alter table account_links enable row level security;
alter table account_links force row level security;
create policy own_rows on account_links to samovar_app
  using (user_id = (select app_user())) with check (user_id = (select app_user()));
create policy definer_rows on account_links to samovar_definer using (true) with check (true);
-- A link is made and used through definer functions alone; a user's own password change ends it.
grant select (id, user_id, kind, created_at, expires_at), delete on account_links to samovar_app;
grant select, insert, delete on account_links to samovar_definer;

-- Who did what to whom, from where. `user_id` is the account concerned, `actor_id` who acted; names
-- are kept as they were, because entries outlive what they are about.
alter table audit_log
  add column actor_id uuid,
  add column actor_email text,
  add column subject_id uuid,
  add column subject text,
  add column address text;
alter table audit_log no force row level security;
update audit_log set subject_id = user_id, action = case action
  when 'user.password' then 'password_changed' else replace(action, '.', '_') end;
alter table audit_log force row level security;
alter table audit_log add check (action ~ '^[a-z_]{1,40}$');
drop index ix_audit_log_user;
create index ix_audit_log_user on audit_log (user_id, id desc);
create index ix_audit_log_actor on audit_log (actor_id, at desc);
create index ix_audit_log_action on audit_log (action, id desc);
-- Entries are added by definer_audit and never changed: nobody but the owner may do either.
revoke insert on audit_log from samovar_app;
grant select on audit_log to samovar_definer;

create function definer_audit(actor uuid, origin text, what text, account uuid, thing uuid,
  thing_name text, more jsonb) returns void
language sql security definer set search_path = public, pg_temp as $$
  insert into audit_log (user_id, action, detail, actor_id, actor_email, subject_id, subject,
    address)
  values (account, what, coalesce(jsonb_strip_nulls(more), '{}'), actor,
    (select u.email from users u where u.id = actor), thing, thing_name, nullif(origin, ''))
$$;

-- ------------------------------------------------------------------------------------ users

drop function definer_create_first_admin(uuid, text, text, text);
drop function definer_create_user(uuid, text, text, text, text);
drop function definer_set_disabled(uuid, boolean);
drop function definer_change_user(uuid, text, text, integer, bigint, bigint, double precision,
  boolean);
drop function definer_delete_user(uuid);

-- false: the address exists.
create function definer_create_user(new_id uuid, new_email text, name text, hash text, rights text,
  actor uuid default null, origin text default null)
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
  perform definer_audit(actor, origin, 'user_created', new_id, new_id, new_email,
    jsonb_build_object('role', rights));
  return true;
end $$;

-- false: there is a user already. The lock makes two first admins impossible.
create function definer_create_first_admin(new_id uuid, new_email text, name text, hash text,
  origin text default null)
returns boolean
language plpgsql security definer set search_path = public, pg_temp as $$
begin
  perform pg_advisory_xact_lock(7236520201);
  if exists (select from users) then
    return false;
  end if;
  return definer_create_user(new_id, new_email, name, hash, 'admin', null, origin);
end $$;

-- Nulls leave a column as it is. false: no such user. A disabled user's web sessions and links end.
create function definer_change_user(who uuid, name text, rights text, jobs integer, images bigint,
  storage_mb bigint, weight double precision, disable boolean, actor uuid default null,
  origin text default null)
returns boolean
language plpgsql security definer set search_path = public, pg_temp as $$
declare
  u users%rowtype;
  more jsonb;
begin
  select * into u from users where id = who for no key update;
  if not found then
    return false;
  end if;
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
  more := jsonb_strip_nulls(jsonb_build_object('display_name', name, 'role', rights,
    'max_concurrent_jobs', jobs, 'max_images', images, 'max_storage_mb', storage_mb,
    'share_weight', weight));
  if more <> '{}' then
    perform definer_audit(actor, origin, 'user_changed', who, who, u.email, more);
  end if;
  if disable and u.disabled_at is null then
    perform definer_audit(actor, origin, 'user_disabled', who, who, u.email, '{}');
  elsif not disable and u.disabled_at is not null then
    perform definer_audit(actor, origin, 'user_enabled', who, who, u.email, '{}');
  end if;
  if disable then
    delete from web_sessions where user_id = who;
    delete from account_links where user_id = who;
  end if;
  return true;
end $$;

-- Deletes the user with every row and queues every blob. false: no such user.
-- Jobs are locked before the user, as 004 explains.
create function definer_delete_user(who uuid, actor uuid default null, origin text default null)
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
  from processing_results r where r.user_id = who;
  perform definer_audit(actor, origin, 'user_deleted', who, who, name, '{}');
  delete from users where id = who;
  return true;
end $$;

-- Which of these users are disabled: their open jobs wait.
create function definer_disabled_users(ids uuid[]) returns table (id uuid)
language sql stable security definer set search_path = public, pg_temp as $$
  select u.id from users u where u.id = any (ids) and u.disabled_at is not null
$$;

-- --------------------------------------------------------------------------------- credentials

drop function definer_find_api_key(bytea);
drop function definer_find_web_session(bytea);
drop function definer_expire_web_sessions();

create function definer_find_api_key(secret bytea)
returns table (user_id uuid, role text, key_id uuid, read_only boolean, expires_at timestamptz)
language sql stable security definer set search_path = public, pg_temp as $$
  select k.user_id, u.role, k.id, k.read_only, k.expires_at
  from api_keys k join users u on u.id = k.user_id
  where k.secret_sha256 = secret and u.disabled_at is null
    and (k.expires_at is null or k.expires_at > now())
$$;

-- A session ends at expires_at, or idle_s after its last request (marked once a minute at most, or
-- a few times within a shorter idle_s).
--
-- A replaced token works until grace_s after the first use of the new one: requests under way and
-- an answer that never arrived don't sign anybody out. After that nobody uses it rightly: whoever
-- does holds a copy, or the other one does, so the session ends.
--
-- rotation_due: the token is older than rotate_s, or it is a replaced one whose successor nobody
-- used for a minute.
create function definer_find_web_session(token bytea, idle_s bigint, grace_s bigint,
  rotate_s bigint)
returns table (user_id uuid, role text, session_id uuid, csrf_token text, expires_at timestamptz,
  rotation_due boolean)
language plpgsql security definer set search_path = public, pg_temp as $$
#variable_conflict use_column
declare
  s web_sessions%rowtype;
  rights text;
  replaced boolean;
begin
  select w.* into s from web_sessions w
  where (w.token_sha256 = token or w.previous_sha256 = token) and w.expires_at > now()
    and w.last_seen_at > now() - make_interval(secs => idle_s);
  if not found then
    return;
  end if;
  replaced := s.token_sha256 <> token;
  if replaced and s.confirmed_at < now() - make_interval(secs => grace_s) then
    delete from web_sessions w where w.id = s.id;
    perform definer_audit(null, null, 'session_revoked', s.user_id, s.id, null,
      '{"reason": "a replaced token was used again"}');
    return;
  end if;
  select u.role into rights from users u where u.id = s.user_id and u.disabled_at is null;
  if not found then
    return;
  end if;
  if not replaced and s.previous_sha256 is not null and s.confirmed_at is null then
    update web_sessions w set confirmed_at = now()
    where w.id = s.id and w.token_sha256 = token and w.confirmed_at is null;
  end if;
  if s.last_seen_at < now() - make_interval(secs => least(60, idle_s / 4.0)) then
    update web_sessions w set last_seen_at = now() where w.id = s.id;
  end if;
  return query select s.user_id, rights, s.id, s.csrf_token, s.expires_at,
    case when replaced then s.confirmed_at is null and s.rotated_at < now() - interval '1 minute'
         else s.rotated_at <= now() - make_interval(secs => rotate_s) end;
end $$;

-- false: another request was quicker.
create function definer_rotate_web_session(which uuid, presented bytea, fresh bytea,
  rotate_s bigint)
returns boolean
language plpgsql security definer set search_path = public, pg_temp as $$
begin
  update web_sessions
  set previous_sha256 = presented, token_sha256 = fresh, rotated_at = now(), confirmed_at = null
  where id = which
    and ((token_sha256 = presented and rotated_at <= now() - make_interval(secs => rotate_s))
      or (previous_sha256 = presented and confirmed_at is null
          and rotated_at < now() - interval '1 minute'));
  return found;
end $$;

-- For open sockets, whose session may have another token by now.
create function definer_still_admitted(who uuid, key uuid, session uuid, idle_s bigint)
returns boolean
language sql stable security definer set search_path = public, pg_temp as $$
  select exists (select from users u where u.id = who and u.disabled_at is null)
    and (key is null or exists (select from api_keys k where k.id = key and k.user_id = who
      and (k.expires_at is null or k.expires_at > now())))
    and (session is null or exists (select from web_sessions w where w.id = session
      and w.user_id = who and w.expires_at > now()
      and w.last_seen_at > now() - make_interval(secs => idle_s)))
$$;

create function definer_expire_credentials() returns bigint
language sql security definer set search_path = public, pg_temp as $$
  with sessions as (delete from web_sessions where expires_at <= now() returning 1),
    links as (delete from account_links where expires_at <= now() returning 1)
  select (select count(*) from sessions) + (select count(*) from links)
$$;

-- --------------------------------------------------------------------------------------- links

-- false: no such user. Earlier links of the user end.
create function definer_issue_link(new_id uuid, who uuid, what text, token bytea,
  ends timestamptz, actor uuid, origin text) returns boolean
language plpgsql security definer set search_path = public, pg_temp as $$
declare
  name text;
begin
  select email into name from users where id = who for no key update;
  if not found then
    return false;
  end if;
  delete from account_links where user_id = who;
  insert into account_links (id, user_id, kind, token_sha256, expires_at)
  values (new_id, who, what, token, ends);
  perform definer_audit(actor, origin, 'link_issued', who, new_id, name,
    jsonb_build_object('kind', what, 'expires_at', ends));
  return true;
end $$;

create function definer_find_link(token bytea)
returns table (kind text, email text, display_name text, expires_at timestamptz)
language sql stable security definer set search_path = public, pg_temp as $$
  select l.kind, u.email, u.display_name, l.expires_at
  from account_links l join users u on u.id = l.user_id
  where l.token_sha256 = token and l.expires_at > now() and u.disabled_at is null
$$;

-- Of two at once the second waits for the first one's delete and finds nothing.
create function definer_redeem_link(token bytea, hash text, name text, origin text)
returns table (user_id uuid, kind text)
language plpgsql security definer set search_path = public, pg_temp as $$
#variable_conflict use_column
declare
  l account_links%rowtype;
begin
  delete from account_links a where a.token_sha256 = token and a.expires_at > now()
  returning * into l;
  if not found then
    return;
  end if;
  update users u set password_hash = hash, display_name = coalesce(name, u.display_name)
  where u.id = l.user_id and u.disabled_at is null;
  if not found then
    return;
  end if;
  delete from web_sessions w where w.user_id = l.user_id;
  perform definer_audit(l.user_id, origin, 'link_redeemed', l.user_id, l.id, null,
    jsonb_build_object('kind', l.kind));
  return query select l.user_id, l.kind;
end $$;

-- ----------------------------------------------------------------------------------- audit log

-- At most one entry a minute for each reader and thing.
create function definer_audit_read(reader uuid, origin text, what text) returns void
language sql security definer set search_path = public, pg_temp as $$
  select definer_audit(reader, origin, 'admin_read', null, null, what, '{}')
  where not exists (select from audit_log a where a.actor_id = reader and a.action = 'admin_read'
    and a.subject = what and a.at > now() - interval '1 minute')
$$;

create function definer_list_audit(below bigint, at_most integer, only_action text, only_user uuid)
returns table (id bigint, at timestamptz, actor_id uuid, actor_email text, action text,
  subject_id uuid, subject text, address text, detail jsonb)
language sql stable security definer set search_path = public, pg_temp as $$
  select a.id, a.at, a.actor_id, a.actor_email, a.action, a.subject_id, a.subject, a.address,
    a.detail
  from audit_log a
  where (below is null or a.id < below) and (only_action is null or a.action = only_action)
    and (only_user is null or a.actor_id = only_user or a.user_id = only_user)
  order by a.id desc limit at_most
$$;

create function definer_count_audit(only_action text, only_user uuid) returns bigint
language sql stable security definer set search_path = public, pg_temp as $$
  select count(*) from audit_log a
  where (only_action is null or a.action = only_action)
    and (only_user is null or a.actor_id = only_user or a.user_id = only_user)
$$;

do $$
declare f regprocedure;
begin
  for f in select p.oid::regprocedure from pg_proc p
           where p.pronamespace = 'public'::regnamespace and p.prosecdef
             and p.proowner <> 'samovar_definer'::regrole
  loop
    execute format('revoke all on function %s from public', f);
    execute format('grant execute on function %s to samovar_app, samovar_owner', f);
    execute format('alter function %s owner to samovar_definer', f);
  end loop;
end $$;

-- ------------------------------------------------------------------- word of changes to servers

-- Every server listens, so that what another process, or an operator with psql, takes away is
-- forgotten in all of them at once. The payload is a kind and an id, never a secret.
create function tell_servers() returns trigger
language plpgsql set search_path = public, pg_temp as $$
begin
  perform pg_notify('samovar_accounts', tg_argv[0] || ' ' || old.id);
  return null;
end $$;

create trigger tell_key_gone after delete on api_keys
  for each row execute function tell_servers('key');
create trigger tell_key_changed after update of user_id, secret_sha256, read_only, expires_at
  on api_keys for each row execute function tell_servers('key');
create trigger tell_session_gone after delete on web_sessions
  for each row execute function tell_servers('session');
create trigger tell_user_gone after delete on users
  for each row execute function tell_servers('user');
create trigger tell_user_changed after update of role, disabled_at on users
  for each row when (old.role is distinct from new.role
    or (old.disabled_at is null and new.disabled_at is not null))
  execute function tell_servers('user');
create trigger tell_quota_changed after update of disabled_at, max_concurrent_jobs, max_images,
  max_storage_mb, share_weight on users
  for each row when ((old.disabled_at is not null and new.disabled_at is null)
    or (old.max_concurrent_jobs, old.max_images, old.max_storage_mb, old.share_weight)
      is distinct from
      (new.max_concurrent_jobs, new.max_images, new.max_storage_mb, new.share_weight))
  execute function tell_servers('quota');
