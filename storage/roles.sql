-- Roles and rights that exist before the first migration. Run once as a superuser of the cluster,
-- connected to Samovar's database (the embedded cluster does this by itself):
--   create database samovar; \c samovar \i roles.sql
-- then give samovar_owner and samovar_app passwords where the server connects over a network.
do $$
begin
  if not exists (select from pg_roles where rolname = 'samovar_owner') then
    create role samovar_owner login nosuperuser nobypassrls nocreatedb nocreaterole;
  end if;
  if not exists (select from pg_roles where rolname = 'samovar_app') then
    create role samovar_app login nosuperuser nobypassrls nocreatedb nocreaterole;
  end if;
  if not exists (select from pg_roles where rolname = 'samovar_definer') then
    create role samovar_definer nologin nosuperuser nobypassrls nocreatedb nocreaterole;
  end if;
end $$;
grant samovar_definer to samovar_owner;
alter schema public owner to samovar_owner;
revoke all on schema public from public;
grant usage on schema public to samovar_app;
grant usage, create on schema public to samovar_definer;
