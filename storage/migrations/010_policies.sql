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
-- for the statement. New rows, jobs and results keep the subquery: joins look those up row by row,
-- and would evaluate a bare call for each.
alter policy own_rows on images using (user_id = app_user());
alter policy own_rows on bbox_annotations using (user_id = app_user());
alter policy own_rows on point_annotations using (user_id = app_user());
alter policy own_row on users using (id = app_user());
