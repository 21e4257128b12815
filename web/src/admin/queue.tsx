// Who waits for the machine, and who has it.
import * as api from "../api/admin_routes";
import { Empty, Spinner } from "../components/bits";
import { duration } from "../lib/format";
import { useLoaded } from "../state/use_loaded";
import { ids } from "../testids";
import { AdminFrame } from "./frame";

const every_ms = 5000;

function QueueList() {
  const queue = useLoaded(api.list_queue, "The queue", every_ms);
  const users = useLoaded(api.list_users, "The users");
  if (queue.value === null) return queue.failed ? <Away /> : <Spinner />;
  const names = new Map((users.value ?? []).map((u) => [u.id, u]));
  const list = [...queue.value].sort(
    (a, b) => b.leases_out - a.leases_out || b.waiting_units - a.waiting_units,
  );
  if (list.length === 0) {
    return (
      <Empty title="Nobody waits">
        <p>The machine is free for whoever comes next.</p>
        <p className="muted">Jobs of users who have paused their queue do not wait for it.</p>
      </Empty>
    );
  }
  return (
    <div className="scroll card">
      {queue.failed && <Away />}
      <table>
        <thead>
          <tr>
            <th>User</th>
            <th className="number-cell">Images waiting</th>
            <th className="number-cell">Running now</th>
            <th>On</th>
            <th className="number-cell">Served</th>
            <th className="number-cell">Weight</th>
          </tr>
        </thead>
        <tbody>
          {list.map((q) => (
            <tr key={q.user_id} data-testid={ids.queue_row}>
              <td>{names.get(q.user_id)?.email ?? <code className="small">{q.user_id}</code>}</td>
              <td className="number-cell">{q.waiting_units.toLocaleString()}</td>
              <td className="number-cell">{q.leases_out}</td>
              <td>{q.devices.join(", ")}</td>
              <td className="number-cell">{duration(q.served_seconds)}</td>
              <td className="number-cell">{q.share_weight}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}

export function Away() {
  return <p className="notice">The server does not answer right now; the page keeps asking.</p>;
}

export function Queue() {
  return (
    <AdminFrame title="Queue">
      <QueueList />
    </AdminFrame>
  );
}
