// Every named cap of the system. Units are in the names.
#pragma once

#include <cstddef>
#include <cstdint>

namespace samovar::core::limits {

// HTTP
inline constexpr std::size_t header_bytes_max = 16 * 1024;
inline constexpr std::size_t json_body_bytes_max = 4 * 1024 * 1024;
inline constexpr std::size_t upload_bytes_max = 100ULL * 1024 * 1024;
inline constexpr std::size_t multipart_header_bytes_max = 8 * 1024;
inline constexpr std::size_t request_id_chars_max = 128;
inline constexpr std::size_t query_bytes_max = 8 * 1024;
inline constexpr std::size_t connections_max = 20'000;
inline constexpr std::size_t connections_per_address_max = 8'192;
inline constexpr std::size_t tls_handshakes_max = 4'096;  // under way; some 50 KB each
inline constexpr std::size_t tls_handshakes_per_address_max = 1'024;
inline constexpr int tls_handshake_s_max = 10;
inline constexpr std::size_t pool_queue_max = 4'096;
inline constexpr int long_poll_s_max = 60;
inline constexpr std::size_t list_page_max = 1'000;

// WebSocket
inline constexpr std::size_t websocket_message_bytes_max = 64 * 1024;
inline constexpr std::size_t outbox_bytes_max = 256 * 1024;
inline constexpr int websocket_ping_s = 20;
inline constexpr int websocket_idle_s_max = 60;
inline constexpr std::size_t event_ring_events_max = 1'024;
inline constexpr std::size_t sockets_per_user_max = 256;
inline constexpr std::size_t hello_jobs_max = 256;
inline constexpr std::size_t list_text_items_min = 64;  // shorter lists are rendered each time
inline constexpr std::size_t list_text_bytes_max = 16 * 1024 * 1024;

// Images and prompts
inline constexpr std::uint64_t image_pixels_max = 100'000'000;
inline constexpr int image_side_px_max = 30'000;
inline constexpr std::size_t filename_chars_max = 255;
inline constexpr std::size_t text_prompt_chars_max = 1'024;
inline constexpr std::size_t boxes_per_image_max = 1'000;
inline constexpr std::size_t points_per_image_max = 1'000;
inline constexpr std::size_t detections_per_image_max = 1'000;
inline constexpr int thumbnail_px_max = 1'024;
inline constexpr int thumbnail_px_min = 16;

// Accounts
inline constexpr std::size_t password_chars_min = 8;
inline constexpr std::size_t password_bytes_max = 1'024;
inline constexpr std::size_t email_chars_max = 254;
inline constexpr std::size_t api_keys_per_user_max = 100;
inline constexpr std::size_t key_name_chars_max = 100;
inline constexpr std::size_t web_sessions_per_user_max = 100;
inline constexpr std::size_t user_agent_chars_max = 256;
inline constexpr std::size_t password_queue_max = 64;
inline constexpr std::size_t account_watch_events_max = 1'024;

// Jobs and scheduling
inline constexpr std::size_t images_per_job_max = 10'000;
inline constexpr std::size_t idempotency_key_chars_max = 255;
inline constexpr std::size_t open_jobs_per_user_max = 200'000;
inline constexpr std::size_t terminal_jobs_kept_max = 1'000;
inline constexpr int unit_attempts_max = 3;
inline constexpr int priority_abs_max = 1'000;
inline constexpr std::size_t persistence_queue_max = 20'000;
inline constexpr std::size_t persistence_batch_max = 512;
inline constexpr int write_wait_s_max = 15;  ///< whoever asked for a change is answered by then
inline constexpr std::size_t results_in_flight_per_user_max = 256;
inline constexpr int lease_timeout_s = 60;
inline constexpr std::size_t units_prepared_max = 2;  ///< images decoded ahead, a device
inline constexpr std::size_t clicks_waiting_per_user_max = 64;
inline constexpr std::size_t encoded_images_remembered_max = 256;  ///< a session, for affinity
inline constexpr std::size_t job_waiters_per_user_max = 4'096;
inline constexpr std::size_t asks_held_per_user_max = 4'096;  ///< while a dead session is reborn

}  // namespace samovar::core::limits
