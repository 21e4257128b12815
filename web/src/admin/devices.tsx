// The machines that do the work: health, and taking one out of use.
import { useState } from "react";
import * as api from "../api/admin_routes";
import type { device } from "../api/types";
import { Empty, Spinner } from "../components/bits";
import { Confirm } from "../components/dialog";
import { useToasts } from "../components/toasts";
import { duration } from "../lib/format";
import { useLoaded } from "../state/use_loaded";
import { ids } from "../testids";
import { AdminFrame } from "./frame";
import { Away } from "./queue";

const every_ms = 5000;

export function device_state(d: device): { words: string; badge: string } {
  if (!d.healthy) return { words: "not healthy", badge: "status-failed" };
  if (d.draining && d.leases_out > 0) return { words: "finishing its work", badge: "status-partly" };
  if (d.draining) return { words: "out of use", badge: "" };
  return d.leases_out > 0
    ? { words: "working", badge: "status-running" }
    : { words: "ready", badge: "status-completed" };
}

function DeviceList() {
  const devices = useLoaded(api.list_devices, "The devices", every_ms);
  const [asking, set_asking] = useState<device | null>(null);
  const toasts = useToasts();
  if (devices.value === null) return devices.failed ? <Away /> : <Spinner />;
  if (devices.value.length === 0) return <Empty title="There is no device" />;
  const last_one = devices.value.filter((d) => !d.draining).length === 1;

  const drain = async (d: device, resume: boolean) => {
    try {
      const now = await api.drain_device(d.id, resume);
      devices.change((all) => all.map((x) => (x.id === now.id ? now : x)));
    } catch (e) {
      toasts.error(e);
    }
  };

  return (
    <div className="scroll card">
      {devices.failed && <Away />}
      <table>
        <thead>
          <tr>
            <th>Device</th>
            <th>State</th>
            <th>Model</th>
            <th className="number-cell">Images done</th>
            <th className="number-cell" title="Part of the last ten seconds in which it computed">
              Busy now
            </th>
            <th className="number-cell">Busy for</th>
            <th className="number-cell">Working on</th>
            <th>
              <span className="hidden-words">Actions</span>
            </th>
          </tr>
        </thead>
        <tbody>
          {devices.value.map((d) => {
            const state = device_state(d);
            return (
              <tr key={d.id} data-testid={ids.device_row} data-draining={d.draining}>
                <td>
                  <b>{d.id}</b>
                </td>
                <td>
                  <span className={`badge ${state.badge}`}>{state.words}</span>
                </td>
                <td className="muted small">{d.model}</td>
                <td className="number-cell">{d.units_done.toLocaleString()}</td>
                <td className="number-cell">{Math.round(100 * d.busy_fraction)} %</td>
                <td className="number-cell">{duration(d.busy_seconds)}</td>
                <td className="number-cell">{d.leases_out}</td>
                <td>
                  <button
                    type="button"
                    data-testid={ids.device_drain}
                    title={
                      d.draining
                        ? "Gives it work again"
                        : "It finishes what it works on and takes nothing new"
                    }
                    onClick={() =>
                      d.draining || !last_one ? void drain(d, d.draining) : set_asking(d)
                    }
                  >
                    {d.draining ? "Use again" : "Take out of use"}
                  </button>
                </td>
              </tr>
            );
          })}
        </tbody>
      </table>
      {asking !== null && (
        <Confirm
          title={`Take ${asking.id} out of use?`}
          text="It is the last device in use: everybody's work waits until one is used again."
          confirm="Take out of use"
          on_close={() => set_asking(null)}
          on_confirm={() => void drain(asking, false)}
        />
      )}
    </div>
  );
}

export function Devices() {
  return (
    <AdminFrame title="Devices">
      <DeviceList />
    </AdminFrame>
  );
}
