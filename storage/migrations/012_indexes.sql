-- Rows are found by their keys from the first one on. Until a table has been analyzed the planner takes
-- all its indexes for equally good, and then the youngest wins: those of a user's lists did. To check one
-- result's foreign keys, or to change one job, it read all images or jobs of the user. So the unique
-- indexes of (id, user_id), which those queries ask for, become the youngest.
alter table bbox_annotations drop constraint bbox_annotations_image_id_user_id_fkey;
alter table point_annotations drop constraint point_annotations_image_id_user_id_fkey;
alter table processing_results drop constraint processing_results_image_id_user_id_fkey;
alter table processing_results drop constraint processing_results_job_id_user_id_fkey;
alter table job_image_failures drop constraint job_image_failures_job_id_user_id_fkey;

alter table images drop constraint images_id_user_id_key;
alter table images add constraint images_id_user_id_key unique (id, user_id);
alter table processing_jobs drop constraint processing_jobs_id_user_id_key;
alter table processing_jobs add constraint processing_jobs_id_user_id_key unique (id, user_id);

alter table bbox_annotations add constraint bbox_annotations_image_id_user_id_fkey
  foreign key (image_id, user_id) references images (id, user_id) on delete cascade;
alter table point_annotations add constraint point_annotations_image_id_user_id_fkey
  foreign key (image_id, user_id) references images (id, user_id) on delete cascade;
alter table processing_results add constraint processing_results_image_id_user_id_fkey
  foreign key (image_id, user_id) references images (id, user_id) on delete cascade;
alter table processing_results add constraint processing_results_job_id_user_id_fkey
  foreign key (job_id, user_id) references processing_jobs (id, user_id) on delete cascade;
alter table job_image_failures add constraint job_image_failures_job_id_user_id_fkey
  foreign key (job_id, user_id) references processing_jobs (id, user_id) on delete cascade;

-- A comparison that no index serves leaves the jobs to be found by what the query asks for: by their ids
-- when they are changed, and by user_id where a list says so itself. It admits the same rows.
alter policy own_jobs_select on processing_jobs
  using (user_id is not distinct from (select app_user()));
alter policy own_jobs_update on processing_jobs
  using (user_id is not distinct from (select app_user()))
  with check (user_id is not distinct from (select app_user()));

-- As before: all images of a new job are its user's. Each is looked up by its id, where a join read all
-- images of the user.
alter policy own_jobs_insert on processing_jobs with check (
  user_id = (select app_user()) and not exists (
    select from unnest(image_ids) as asked (id)
    where (select i.id from images i where i.id = asked.id and i.user_id = (select app_user())
           offset 0) is null));
