// What samovar_app may do, and every function of the database with its reach: grants_pgtests.cpp
// compares them with what is there, both ways. A new table or function gets its line here.
#pragma once

#include <map>
#include <string>

namespace samovar::tests {

/// Tables, views and sequences, with all that samovar_app may do; columns where not the whole.
inline const std::map<std::string, std::string> app_may = {
    {"users", "select update(display_name,image_count,password_hash,queue_paused,storage_bytes)"},
    {"images", "select insert update(text_prompt) delete"},
    {"bbox_annotations",
     "select insert update(bbox_height,bbox_width,bbox_x,bbox_y,prompt_type) delete"},
    {"point_annotations", "select insert update(is_positive,point_x,point_y) delete"},
    {"processing_jobs",
     "select insert update(completed_at,current_index,error,failed_count,fencing_token,priority,"
     "started_at,status,version)"},
    {"processing_results", "select insert"},
    {"job_image_failures", "select insert"},
    {"api_keys", "select insert delete"},
    {"web_sessions", "select insert delete"},
    {"oidc_identities", "select insert"},
    {"blob_deletions", "insert"},
    {"audit_log", ""},
    {"account_links", "select(created_at,expires_at,id,kind,user_id) delete"},
    {"imports", "select insert update(finished_at,phase)"},
    {"import_skips", "select insert update(reason) delete"},
    {"schema_migrations", "select"},
    {"server_epoch", "usage"},
    {"audit_log_id_seq", ""},
    {"blob_deletions_id_seq", ""},
};

/// Whose rows a function reaches.
enum class reach {
  across_users,  ///< SECURITY DEFINER, for what runs before a user is known or across users
  acting_user,   ///< SECURITY DEFINER, and its text limits it to app_user(): needs a cover
  invoker        ///< under the caller's policies: needs a cover
};

inline const std::map<std::string, reach> functions = {
    {"app_user()", reach::invoker},
    {"add_image(uuid,uuid,text,text,text,bigint,text,integer,integer,text,timestamp with time "
     "zone)",
     reach::invoker},
    {"remove_image(uuid,uuid)", reach::invoker},
    {"definer_covering(uuid[],text[])", reach::acting_user},
    {"definer_count_users()", reach::across_users},
    {"definer_find_login(text)", reach::across_users},
    {"definer_list_users()", reach::across_users},
    {"definer_users_page(timestamp with time zone,uuid,bigint)", reach::across_users},
    {"definer_find_api_key(bytea)", reach::across_users},
    {"definer_touch_api_key(uuid)", reach::across_users},
    {"definer_take_open_jobs(bigint,uuid)", reach::across_users},
    {"definer_open_jobs(uuid[])", reach::across_users},
    {"definer_blob_deletions(integer)", reach::across_users},
    {"definer_forget_blob_deletions(bigint[])", reach::across_users},
    {"definer_known_blob_owners(uuid[])", reach::across_users},
    {"definer_known_blob_paths(text[])", reach::across_users},
    {"definer_audit(uuid,text,text,uuid,uuid,text,jsonb)", reach::across_users},
    {"definer_create_user(uuid,text,text,text,text,uuid,text)", reach::across_users},
    {"definer_create_first_admin(uuid,text,text,text,text)", reach::across_users},
    {"definer_change_user(uuid,text,text,integer,bigint,bigint,double precision,boolean,uuid,text)",
     reach::across_users},
    {"definer_delete_user(uuid,uuid,text)", reach::across_users},
    {"definer_disabled_users(uuid[])", reach::across_users},
    {"definer_find_web_session(bytea,bigint,bigint,bigint)", reach::across_users},
    {"definer_rotate_web_session(uuid,bytea,bytea,bigint)", reach::across_users},
    {"definer_still_admitted(uuid,uuid,uuid,bigint)", reach::across_users},
    {"definer_expire_credentials()", reach::across_users},
    {"definer_issue_link(uuid,uuid,text,bytea,timestamp with time zone,uuid,text)",
     reach::across_users},
    {"definer_find_link(bytea)", reach::across_users},
    {"definer_redeem_link(bytea,text,text,text)", reach::across_users},
    {"definer_audit_read(uuid,text,text)", reach::across_users},
    {"definer_list_audit(bigint,integer,text,uuid)", reach::across_users},
    {"definer_count_audit(text,uuid)", reach::across_users},
    {"definer_find_identity(text,text)", reach::across_users},
    {"definer_link_identity(uuid,uuid,text,text,text,text)", reach::across_users},
    {"definer_create_identity_user(uuid,text,text,uuid,text,text,text)", reach::across_users},
    {"definer_note_identity(uuid,text)", reach::across_users},
    {"definer_apply_admin_group(uuid,boolean,text)", reach::across_users},
    {"definer_remove_identity(uuid,uuid,text)", reach::across_users},
    {"tell_servers()", reach::invoker},
    {"role_was_decided_here()", reach::invoker},
    {"import_image(uuid,uuid,text,text,text,bigint,text,integer,integer,text,timestamp with time "
     "zone)",
     reach::invoker},
    {"definer_import_job(uuid,text,text,uuid[],text[],integer,integer,jsonb,text,timestamp with "
     "time zone,timestamp with time zone,timestamp with time zone)",
     reach::acting_user},
};

}  // namespace samovar::tests
