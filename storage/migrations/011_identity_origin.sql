-- The audit lines of identities say where the request came from, as all others do: `origin` is an
-- address, or '' when it is not known. Otherwise the functions are those of 006.
drop function definer_link_identity(uuid, uuid, text, text, text);
drop function definer_create_identity_user(uuid, text, text, uuid, text, text);
drop function definer_apply_admin_group(uuid, boolean);
drop function definer_remove_identity(uuid, uuid);

-- 'ok', 'user' (the identity belongs to another user). The same again counts as done.
create function definer_link_identity(new_id uuid, who uuid, new_issuer text, new_subject text,
  address text, origin text) returns text
language plpgsql security definer set search_path = public, pg_temp as $$
begin
  insert into oidc_identities (id, user_id, issuer, subject, email, last_sign_in_at)
  values (new_id, who, new_issuer, new_subject, address, now())
  on conflict do nothing;
  if found then
    perform definer_audit(who, origin, 'identity_linked', who, new_id, address,
      jsonb_build_object('issuer', new_issuer));
    return 'ok';
  end if;
  perform from oidc_identities i
  where i.issuer = new_issuer and i.subject = new_subject and i.user_id = who;
  return case when found then 'ok' else 'user' end;
end $$;

-- 'ok', 'email' (the address exists), 'identity' (somebody was faster). Nothing is left behind
-- unless it is 'ok'.
create function definer_create_identity_user(new_user uuid, address text, name text, new_id uuid,
  new_issuer text, new_subject text, origin text) returns text
language plpgsql security definer set search_path = public, pg_temp as $$
begin
  if exists (select from oidc_identities i
             where i.issuer = new_issuer and i.subject = new_subject) then
    return 'identity';
  end if;
  if not definer_create_user(new_user, address, name, null, 'user', null, origin) then
    return 'email';
  end if;
  if definer_link_identity(new_id, new_user, new_issuer, new_subject, address,
      origin) <> 'ok' then
    raise exception 'the identity came up in between' using errcode = 'unique_violation';
  end if;
  return 'ok';
exception when unique_violation then
  return 'identity';  -- what was inserted above is undone, its line of the audit log too
end $$;

-- True when the role changed.
create function definer_apply_admin_group(who uuid, member boolean, origin text) returns boolean
language plpgsql security definer set search_path = public, pg_temp as $$
begin
  if member then
    update users set role = 'admin', admin_by_group = true where id = who and role = 'user';
  else
    update users set role = 'user', admin_by_group = false
    where id = who and role = 'admin' and admin_by_group;
  end if;
  if not found then
    return false;
  end if;
  perform definer_audit(null, origin, 'user_changed', who, who, u.email, jsonb_build_object(
    'role', case when member then 'admin' else 'user' end, 'by', 'group'))
  from users u where u.id = who;
  return true;
end $$;

-- 'ok', 'absent' or 'last' (nothing else signs the user in; nothing was removed). The user's row is
-- locked, so that two removals at once can't take the last two.
create function definer_remove_identity(which uuid, owner uuid, origin text) returns text
language plpgsql security definer set search_path = public, pg_temp as $$
declare hash text;
begin
  select u.password_hash into hash from users u where u.id = owner for no key update;
  if not exists (select from oidc_identities i where i.id = which and i.user_id = owner) then
    return 'absent';
  end if;
  if hash is null and (select count(*) from oidc_identities i where i.user_id = owner) = 1 then
    return 'last';
  end if;
  delete from oidc_identities i where i.id = which and i.user_id = owner;
  perform definer_audit(owner, origin, 'identity_unlinked', owner, which, null, '{}');
  return 'ok';
end $$;

do $$
declare f regprocedure;
begin
  foreach f in array array[
    'definer_link_identity(uuid, uuid, text, text, text, text)',
    'definer_create_identity_user(uuid, text, text, uuid, text, text, text)',
    'definer_apply_admin_group(uuid, boolean, text)',
    'definer_remove_identity(uuid, uuid, text)']::regprocedure[]
  loop
    execute format('revoke all on function %s from public', f);
    execute format('grant execute on function %s to samovar_app, samovar_owner', f);
    execute format('alter function %s owner to samovar_definer', f);
  end loop;
end $$;
