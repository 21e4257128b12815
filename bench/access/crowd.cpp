#include "bench/access/crowd.hpp"

#include <iostream>
#include <pqxx/pqxx>

#include "core/rle.hpp"

namespace samovar::bench {

namespace {

constexpr int images_per_job = 20;
constexpr const char* crowd_address = "@crowd.example";

// One user's rows, the way the program writes them: in time order, with time-ordered ids.
constexpr const char* one_user = R"(
create function pg_temp.stamp_id(at timestamptz) returns uuid language sql volatile as $f$
  select (lpad(to_hex((extract(epoch from at) * 1000)::bigint), 12, '0') || '7' ||
          substr(md5(random()::text), 1, 3) || '8' || substr(md5(random()::text), 1, 15))::uuid
$f$;
create function pg_temp.add_user(number integer, images integer, per_job integer, mask text)
returns uuid language plpgsql as $f$
declare
  who uuid := pg_temp.stamp_id('2026-01-01'::timestamptz + number * interval '1 second');
begin
  insert into users (id, email, image_count, storage_bytes, max_images)
  values (who, 'user-' || number || '@crowd.example', images, images * 400000::bigint, images * 2);
  create temporary table if not exists pictures (id uuid, n integer, at timestamptz, job uuid);
  truncate pictures;
  insert into pictures
  select pg_temp.stamp_id(t.at), n, t.at, null from generate_series(1, images) n,
    lateral (select '2026-02-01'::timestamptz + n * interval '1 minute'
             + number * interval '1 second' as at) t;
  update pictures p set job = j.id from (
    select g, pg_temp.stamp_id('2026-09-01'::timestamptz + g * interval '1 minute') as id
    from generate_series(0, images / per_job) g) j where j.g = p.n / per_job;
  insert into images (id, user_id, filename, blob_path, content_type, byte_size, sha256, width,
    height, created_at)
  select id, who, 'photo-' || n || '.jpg', 'users/' || who || '/images/' || id || '.jpg',
    'image/jpeg', 400000, repeat(md5(id::text), 2), 1920, 1280, at from pictures order by n;
  insert into bbox_annotations (id, image_id, user_id, bbox_x, bbox_y, bbox_width, bbox_height,
    prompt_type, created_at)
  select pg_temp.stamp_id(at), id, who, 100, 100, 500, 400, 'segment', at from pictures order by n;
  insert into point_annotations (id, image_id, user_id, point_x, point_y, created_at)
  select pg_temp.stamp_id(at), id, who, 100, 100, at from pictures order by n;
  insert into processing_jobs (id, user_id, mode, status, image_ids, image_filenames,
    current_index, annotations_snapshot, created_at, started_at, completed_at)
  select job, who, 'inside_box', 'completed', array_agg(id order by n),
    array_agg('photo-' || n || '.jpg' order by n), count(*),
    jsonb_object_agg(id, jsonb_build_object('text_prompt', null, 'point_annotations', '[]'::jsonb,
      'bbox_annotations', jsonb_build_array(jsonb_build_object('id', id, 'bbox_x', 100,
        'bbox_y', 100, 'bbox_width', 500, 'bbox_height', 400, 'prompt_type', 'segment')))),
    min(at), min(at), max(at)
  from pictures group by job order by job;
  insert into processing_results (id, job_id, image_id, user_id, mode, detections, scores,
    mask_blob_path, coco_json_blob_path, model, device_ms, processed_at)
  select r.id, p.job, p.id, who, 'inside_box',
    jsonb_build_array(jsonb_build_object('bbox', '[100, 100, 150, 150]'::jsonb, 'score', 0.9,
      'area', 17671, 'size', '[1280, 1920]'::jsonb, 'counts', mask)), '{0.9}',
    'users/' || who || '/masks/' || r.id || '.png', 'users/' || who || '/coco/' || r.id || '.json',
    'bench/1', 40, p.at
  from pictures p, lateral (select pg_temp.stamp_id(p.at) as id) r order by p.n;
  return who;
end $f$;
)";

/// A disc of 150 px in a photograph of two megapixels.
std::string disc() {
  constexpr int width = 1920, height = 1280, radius = 75, x = 400, y = 300;
  std::vector<std::uint8_t> pixels(static_cast<std::size_t>(width) * height);
  for (int v = -radius; v <= radius; ++v)
    for (int u = -radius; u <= radius; ++u)
      if (u * u + v * v <= radius * radius)
        pixels[static_cast<std::size_t>(y + v) * width + static_cast<std::size_t>(x + u)] = 1;
  return core::to_coco_string(core::encode_rle(pixels, height, width, width));
}

/// 199 more boxes and points for the user's first image.
void add_prompts(pqxx::connection& c, const std::string& name) {
  pqxx::work t{c};
  const auto of =
      "from (select i.id, i.user_id from images i join users u on u.id = i.user_id where u.email "
      "= " +
      t.quote(name + crowd_address) + " order by i.id limit 1) i, generate_series(1, 199)";
  t.exec(
      "insert into bbox_annotations (id, image_id, user_id, bbox_x, bbox_y, bbox_width, "
      "bbox_height, prompt_type) select gen_random_uuid(), i.id, i.user_id, 0, 0, 1, 1, "
      "'segment' " +
      of);
  t.exec(
      "insert into point_annotations (id, image_id, user_id, point_x, point_y) "
      "select gen_random_uuid(), i.id, i.user_id, 0, 0 " +
      of);
  t.commit();
}

void fill(pqxx::connection& c, int users, int images) {
  {
    // A database to be thrown away: nothing needs to survive, and foreign keys hold by design.
    pqxx::nontransaction t{c};
    for (const char* setting : {"fsync = off", "full_page_writes = off", "max_wal_size = '4GB'",
                                "shared_buffers = '256MB'", "autovacuum = off"})
      t.exec(std::string{"alter system set "} + setting);
    t.exec("select pg_reload_conf()");
    t.exec("set session_replication_role = replica");
    t.exec("set synchronous_commit = off");
    t.exec(one_user);
  }
  const auto mask = disc();
  for (int n = 0; n < users; ++n) {
    pqxx::work t{c};
    t.exec("select pg_temp.add_user(" + std::to_string(n) + ", " + std::to_string(images) + ", " +
           std::to_string(images_per_job) + ", " + t.quote(mask) + ")");
    t.commit();
    if (n % 10 == 9) std::cerr << n + 1 << " users filled in\n";
  }
  add_prompts(c, "user-" + std::to_string(users / 2));
  pqxx::nontransaction t{c};
  t.exec("set maintenance_work_mem = '256MB'");
  t.exec("vacuum analyze");
}

}  // namespace

crowd find_or_fill(storage::database& db, int users, int images) {
  pqxx::connection c{db.embedded->superuser_conninfo()};
  const auto sought =
      "select u.id, (select i.id from images i where i.user_id = u.id order by i.id "
      "limit 1) from users u where u.email = 'user-" +
      std::to_string(users / 2) + crowd_address + "'";
  auto rows = pqxx::nontransaction{c}.exec(sought);
  if (rows.empty()) {
    fill(c, users, images);
    rows = pqxx::nontransaction{c}.exec(sought);
  }
  return {storage::read_id<core::user_id>(rows[0][0].c_str()),
          storage::read_id<core::image_id>(rows[0][1].c_str())};
}

std::string bypassing_login(storage::database& db) {
  pqxx::connection c{db.embedded->superuser_conninfo()};
  pqxx::nontransaction t{c};
  if (t.exec("select from pg_roles where rolname = 'samovar_bench'").empty())
    t.exec("create role samovar_bench login bypassrls");
  t.exec("grant usage on schema public to samovar_bench");
  t.exec("grant select on all tables in schema public to samovar_bench");
  t.exec("grant execute on all functions in schema public to samovar_bench");
  return storage::conninfo_for(db.embedded->paths(), "samovar_bench");
}

}  // namespace samovar::bench
