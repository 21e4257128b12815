-- The policies' price, again. On a list of 100 µs row-level security took 25: two thirds of it
-- were app_user()'s five string functions, and the subqueries around each of its calls.

-- As before: the acting user of this transaction; NULL when unset, empty or not shaped like a UUID.
-- Shaped like one as the server writes it: hyphens at their four places and nowhere else, otherwise
-- hex digits in lower case. (A regular expression that counts, like [0-9a-f]{8}, costs thrice this.)
create or replace function app_user() returns uuid
language sql stable parallel safe as $$
  select case
    when current_setting('app.current_user_id', true) like '________-____-____-____-____________'
      and current_setting('app.current_user_id', true)
        !~ '[^0-9a-f-]|-[^-]*-[^-]*-[^-]*-[^-]*-'
    then current_setting('app.current_user_id', true)::uuid
  end
$$;

-- Without a subquery of its own, the comparison joins the query's "user_id = $1" and is made once
-- for the statement. New rows and jobs keep the subquery: a bare call would be evaluated for each
-- new row, and for each result whose job's snapshot is looked up.
do $$
declare t text;
begin
  foreach t in array array['images', 'bbox_annotations', 'point_annotations', 'processing_results']
  loop
    execute format('alter policy own_rows on %I using (user_id = app_user())', t);
  end loop;
end $$;
alter policy own_row on users using (id = app_user());
