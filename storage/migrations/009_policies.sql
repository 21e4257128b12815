-- What the policies ask for each statement, cheaper. A regular expression was most of the price of
-- row-level security on short lists: PostgreSQL builds its automaton anew at each call.

-- As before: the acting user of this transaction; NULL when unset, empty or not shaped like a UUID.
-- Shaped like one: five groups between four hyphens, no other hyphen, nothing else but hex digits.
create or replace function app_user() returns uuid
language sql stable parallel safe as $$
  select case
    when current_setting('app.current_user_id', true) like '________-____-____-____-____________'
      and length(replace(current_setting('app.current_user_id', true), '-', '')) = 32
      and rtrim(current_setting('app.current_user_id', true), '-0123456789abcdefABCDEF') = ''
    then current_setting('app.current_user_id', true)::uuid
  end
$$;
