// The yardstick for keep-alive GETs: a bare Node http server with one prepared JSON answer. It does
// nothing else: no routes, no credentials, no security headers.
import http from 'node:http';

const body = JSON.stringify({
  id: '0192f0aa-0000-7000-8000-000000000001',
  mode: 'inside_box',
  status: 'completed',
  image_ids: ['0192f0aa-0000-7000-8000-000000000002'],
  image_filenames: ['picture-1.png'],
  current_index: 1,
  image_count: 1,
  processed_count: 1,
  failed_count: 0,
  current_image_filename: null,
  is_running: false,
  created_at: '2026-01-01T00:00:00.000000Z',
  started_at: '2026-01-01T00:00:00.000000Z',
  completed_at: '2026-01-01T00:00:00.000000Z',
  error: null,
  priority: 0,
  queue_position: null,
  eta_seconds: null,
  version: 3,
});
const headers = {'Content-Type': 'application/json', 'Content-Length': Buffer.byteLength(body)};
const server = http.createServer((_, res) => {
  res.writeHead(200, headers);
  res.end(body);
});
server.listen(0, '127.0.0.1', () => {
  console.log(`listening on http://127.0.0.1:${server.address().port}`);
});
