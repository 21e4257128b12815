-- Row-level security, policies and grants. FORCE binds the owner too; samovar_app sees only rows
-- of app_user(); samovar_definer owns the functions of 003 and has policies of its own.
do $$
declare t text;
begin
  foreach t in array array['images', 'bbox_annotations', 'point_annotations', 'processing_results',
    'job_image_failures', 'api_keys', 'web_sessions', 'oidc_identities', 'blob_deletions',
    'audit_log']
  loop
    execute format('alter table %I enable row level security', t);
    execute format('alter table %I force row level security', t);
    execute format('create policy own_rows on %I to samovar_app '
      'using (user_id = (select app_user())) with check (user_id = (select app_user()))', t);
    execute format('create policy definer_rows on %I to samovar_definer '
      'using (true) with check (true)', t);
  end loop;
end $$;

alter table users enable row level security;
alter table users force row level security;
create policy own_row on users to samovar_app
  using (id = (select app_user())) with check (id = (select app_user()));
create policy definer_rows on users to samovar_definer using (true) with check (true);

-- That a job's images belong to its user is checked for INSERT only: an UPDATE looks at user_id
-- alone, or a job could not finish after one of its images was deleted.
alter table processing_jobs enable row level security;
alter table processing_jobs force row level security;
create policy own_jobs_select on processing_jobs for select to samovar_app
  using (user_id = (select app_user()));
create policy own_jobs_insert on processing_jobs for insert to samovar_app
  with check (user_id = (select app_user()) and not exists (
    select from unnest(image_ids) as asked (id)
    where not exists (select from images i where i.id = asked.id
                      and i.user_id = (select app_user()))));
create policy own_jobs_update on processing_jobs for update to samovar_app
  using (user_id = (select app_user())) with check (user_id = (select app_user()));
create policy own_jobs_delete on processing_jobs for delete to samovar_app
  using (user_id = (select app_user()));
create policy definer_rows on processing_jobs to samovar_definer using (true) with check (true);

-- The server's login: columns, not tables, where it may write; never role, quotas or weight.
revoke all on all tables in schema public from public;
grant select on users, images, bbox_annotations, point_annotations, processing_jobs,
  processing_results, job_image_failures, api_keys, web_sessions, oidc_identities
  to samovar_app;
grant update (display_name, password_hash, image_count, storage_bytes) on users to samovar_app;
grant insert, delete, update (text_prompt) on images to samovar_app;
grant insert, delete, update (bbox_x, bbox_y, bbox_width, bbox_height, prompt_type)
  on bbox_annotations to samovar_app;
grant insert, delete, update (point_x, point_y, is_positive) on point_annotations to samovar_app;
grant insert, update (status, priority, current_index, failed_count, error, version, fencing_token,
  started_at, completed_at) on processing_jobs to samovar_app;
grant insert on processing_results, job_image_failures to samovar_app;
grant insert, delete on api_keys, web_sessions to samovar_app;
grant insert on oidc_identities, blob_deletions, audit_log to samovar_app;
grant usage on sequence server_epoch to samovar_app;

grant select, insert, delete, update on users to samovar_definer;
grant select, insert, update, delete on web_sessions, oidc_identities to samovar_definer;
grant select, update (last_used_at), delete on api_keys to samovar_definer;
grant select on images, processing_results, job_image_failures to samovar_definer;
grant select, update (current_index, failed_count, version, fencing_token, status, error,
  completed_at) on processing_jobs to samovar_definer;
grant select, insert, delete on blob_deletions to samovar_definer;
grant insert on audit_log to samovar_definer;
