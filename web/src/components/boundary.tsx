// What is shown instead of a page that broke, so that nobody looks at an empty window.
import { Component, type ReactNode } from "react";
import { useServerBack } from "../state/live";
import { ids } from "../testids";
import { Empty } from "./bits";

/** A part of the program could not be fetched: the server is away, or was updated meanwhile. */
export class missing_part extends Error {}

/** Browsers may remember that a module could not be fetched: only a new page asks again. */
function ReloadWhenBack() {
  useServerBack(() => window.location.reload());
  return null;
}

interface boundary_props {
  children: ReactNode;
  /** Another value is another page: it gets its own chance. */
  at: string;
  /** Inside the live connection: the page then reloads by itself when the server is back. */
  live?: boolean;
}

export class Boundary extends Component<boundary_props, { problem: unknown; broken: boolean }> {
  override state = { problem: null as unknown, broken: false };

  static getDerivedStateFromError(problem: unknown) {
    return { problem, broken: true };
  }

  override componentDidUpdate(before: boundary_props) {
    if (this.state.broken && before.at !== this.props.at) {
      this.setState({ problem: null, broken: false });
    }
  }

  override render() {
    if (!this.state.broken) return this.props.children;
    const missing = this.state.problem instanceof missing_part;
    return (
      <Empty
        title={missing ? "This page could not be loaded" : "This page does not work right now"}
        testid={ids.broken_page}
      >
        <p>
          {missing
            ? "The server cannot be reached, or it was updated since you opened Samovar."
            : "Something went wrong in the page itself. What you saved is safe on the server."}
        </p>
        <button type="button" className="primary" onClick={() => window.location.reload()}>
          Reload
        </button>
        {missing && this.props.live && <ReloadWhenBack />}
      </Empty>
    );
  }
}
